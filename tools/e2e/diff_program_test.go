//go:build linux

package e2e

func sh(script string) []string { return []string{"sh", "-c", script} }

// programQuestions are about what runs, with which arguments, and how it ends.
var programQuestions = []question{
	{name: "output", args: sh("echo out; echo err >&2; exit 3")},
	{name: "cmd of the image", args: nil},
	{name: "entrypoint and cmd", image: "entrypoint", args: []string{"a b", ""}},
	{name: "entrypoint alone", image: "entrypoint"},
	{name: "entrypoint replaced", image: "entrypoint", flags: []string{"--entrypoint", "printf"}, args: []string{"%s|", "x", "y"}},
	{name: "entrypoint emptied", image: "entrypoint", flags: []string{"--entrypoint", ""}, args: []string{"echo", "own"}},
	{name: "image without a command", image: "bare", only: "docker", why: "podman 5 executes the empty name"},
	{name: "image without a path", image: "bare", args: sh("echo $PATH; env")},
	{name: "all settings of the image", image: "settings", flags: []string{"--hostname", "h"}},
	{name: "arguments instead of cmd", image: "settings", flags: []string{"--hostname", "h"}, args: []string{"own", "$HOME"}},
	{name: "code 0", args: sh("exit 0")},
	{name: "code 255", args: sh("exit 255")},
	{name: "killed", args: sh("sh -c 'kill -9 $$'; echo $?")},
	{name: "not found", args: []string{"no-such-program"}},
	{name: "not found by path", args: []string{"/no/such/program"}},
	{name: "directory", args: []string{"/tmp"}},
	{name: "no mode", args: []string{"/bin/no-mode"}},
	{name: "process 1", args: sh(`echo $$; tr "\0" " " </proc/1/cmdline; true`)},
	{name: "stdin", flags: []string{"-i"}, args: []string{"cat"}, stdin: "one\ntwo"},
	{name: "no stdin", args: []string{"cat"}, stdin: "not seen"},
	{name: "large stdin", flags: []string{"-i"}, args: []string{"md5sum"}, stdin: string(make([]byte, 1<<20))},
	{
		name: "open files", args: sh("ls /proc/$$/fd"),
	},
	{name: "terminal", flags: []string{"-t"}, args: sh("tty; stty -a | grep -o 'rows.*;'; echo two lines")},
	// Of those above 28 glibc has two of its own, which the peers' daemons may have inherited as ignored.
	{name: "signals", args: sh("grep Sig[BIC] /proc/self/status | sed 's/[0-9a-f]\\{9\\}//'")},
	{name: "umask", args: sh("umask")},
}
