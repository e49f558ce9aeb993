package box

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vz.internal/vzoci/builtin"
)

// TestMain is vz-box when it is called as one of its programs.
func TestMain(m *testing.M) {
	called := filepath.Base(os.Args[0])
	if called == name || slices.Contains(Names(), called) || called == "no-program" {
		os.Exit(Main(os.Args))
	}
	os.Exit(m.Run())
}

// install makes a directory with all programs.
func install(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, n := range append(Names(), name) {
		if err := os.Symlink(self, filepath.Join(dir, n)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// patience bounds a program that should have ended.
const patience = 20 * time.Second

// command prepares a program with nothing but the programs of vz-box to call.
func command(t *testing.T, bin string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, filepath.Join(bin, args[0]), args[1:]...)
	cmd.WaitDelay = time.Second // what it left running may hold its output
	cmd.Args[0] = args[0]
	cmd.Env = []string{"PATH=" + bin, "HOME=/nowhere"}
	if dir := os.Getenv("GOCOVERDIR"); dir != "" {
		cmd.Env = append(cmd.Env, "GOCOVERDIR="+dir)
	}
	cmd.Dir = t.TempDir()
	return cmd
}

type outcome struct {
	Out, Err string
	Status   int
}

func run(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	status := cmd.ProcessState.ExitCode()
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
		status = 128 + int(ws.Signal())
	}
	return outcome{out.String(), errs.String(), status}
}

func TestNamesAreThoseOfTheImage(t *testing.T) {
	if diff := cmp.Diff(builtin.Programs(), Names()); diff != "" {
		t.Errorf("package vzoci/builtin links other programs (-image +vz-box):\n%s", diff)
	}
}

// Each script runs in an empty directory. What is expected on standard error is
// a part of it; nothing is nothing.
var scripts = []struct {
	name, script, in, out, err string
	status                     int
}{
	{name: "status", script: "exit 3", status: 3},
	{name: "status of the last", script: "true; false", status: 1},
	{name: "not found", script: "no-such-program", err: "no-such-program: not found", status: 127},
	{name: "not executable", script: "touch f; ./f", err: "permission denied", status: 126},
	{name: "a directory", script: "mkdir d; ./d", err: "is a directory", status: 126},
	{name: "exec of nothing", script: "exec no-such-program; echo no", err: "not found", status: 127},
	{name: "syntax", script: "echo a; if", out: "a\n", err: "if", status: 2},
	{name: "stdin is read by the line", script: "read a; cat; echo $a", in: "first\nrest\n", out: "rest\nfirst\n"},
	{name: "stdin of exec", script: "exec < /dev/null; cat; echo done", in: "x", out: "done\n"},
	{name: "parameters", script: `set -- a "b c"; echo $# "$2"`, out: "2 b c\n"},
	{name: "loop", script: "for i in 1 2 3; do echo $i; done | tail -n 1; x=$((1+2)); echo $x", out: "3\n3\n"},
	{name: "here document", script: "cat <<E | tr a-z A-Z | sort -r\nb\na\nE", out: "B\nA\n"},
	{name: "redirections", script: "echo out; echo err >&2; echo a > f; echo b >> f; cat < f", out: "out\na\nb\n", err: "err\n"},
	{name: "refused redirection", script: "echo x > /no/f || echo refused", out: "refused\n", err: "/no/f"},
	{name: "set -e", script: "set -e; false; echo no", status: 1},
	{name: "exit trap", script: "trap 'echo bye' EXIT; exit 4", out: "bye\n", status: 4},
	{name: "signal trap", script: "trap 'exit 7' TERM; kill $$; echo no", status: 7},
	{name: "signal trap while waiting", script: "trap 'exit 7' TERM; { read x < go; kill $$; } & sleep 1000 & x=$!; trap 'kill $x' EXIT; echo > go; wait; echo no", status: 7},
	{name: "signal trap in a loop", script: "trap 'exit 7' USR1; kill -USR1 $$ & while :; do sleep 0.01; done", status: 7},
	{name: "trap that goes on", script: "trap 'echo got' USR1; kill -USR1 $$; echo on", out: "got\non\n"},
	{name: "ignored signal", script: `trap '' TERM; kill $$; sh -c 'kill $$; echo child; sh -c "kill \$\$; sleep 0"; echo $?'; echo $?`, out: "child\n0\n0\n"},
	{name: "signal ignored no more", script: `trap '' TERM USR1; trap - TERM; sh -c 'kill -USR1 $$; kill $$; sleep 1000'; echo $?`, out: "143\n"},
	{name: "trap taken back", script: "trap 'exit 7' TERM; trap - TERM; sh -c 'kill $1' sh $$; sleep 1000", status: 143},
	{name: "list of traps", script: "trap 'exit 7' TERM; trap", out: "trap -- 'exit 7' TERM\n"},
	{name: "no such signal", script: "trap x NOSUCH", err: "NOSUCH", status: 1},
	{name: "background job", script: "sleep 1000 & kill $!; wait $!; echo $?", out: "143\n"},
	{name: "status of a job", script: "(exit 4) & wait $!; echo $?", out: "4\n"},
	{name: "job with all of the shell", script: `x=5; a=(1 2); f() { echo "f $1 $x ${a[1]} $#"; }; set -- p; f a & wait; { echo "$1"; } & wait`, out: "f a 5 2 1\np\n"},
	{name: "job in a job", script: "{ { echo inner; } & wait; echo outer; } & wait", out: "inner\nouter\n"},
	{name: "$$ in a job", script: "echo $$ > a; echo $$ > b & wait; [ $(cat a) = $(cat b) ] && echo same", out: "same\n"},
	{name: "job reads nothing", script: "cat & wait; cat", in: "x\n", out: "x\n"},
	{name: "wait for a stranger", script: "wait 1", err: "no job", status: 127},
	{name: "jobs", script: "sleep 1000 & jobs | grep -c 'sleep 1000'; kill $!", out: "1\n"},
	{name: "exec is the same process", script: `echo $$ > f; exec sh -c '[ $$ = $(cat f) ] && exit 6'`, status: 6},
	{name: "exec in a subshell", script: `(exec echo sub); x=$(exec echo subst); echo $x`, out: "sub\nsubst\n"},
	{name: "exec with a redirection", script: "exec echo x > f; echo no"},
	{name: "script with its name", script: "printf 'echo $0 $1; exit 4' > s; chmod 755 s; ./s arg | grep -o 's arg'; sh s b", out: "s arg\ns b\n", status: 4},
	{name: "name of -c", script: `sh -c 'echo $0 $1' name one`, out: "name one\n"},
	{name: "umask", script: "umask 077; touch f; stat -c %a f; umask", out: "600\n0077\n"},
	{name: "eval", script: `eval 'sleep 1000 & kill $!; wait $!; echo $?'`, out: "143\n"},
	{name: "killed", script: "kill -9 $$", status: 137},
	{name: "shell programs", script: `$(which test) 1 -lt 2 && $(which [) x ] && $(which printf) '%s-%d\n' a 5; $(which echo) -n q; $(which test) 1 -gt 2`, out: "a-5\nq", status: 1},

	{name: "ls -ln", script: "printf 12345 > f; chmod 640 f; ln -s f l; set -- $(ls -ln f); echo $1 $2 $5; ls; readlink l", out: "-rw-r----- 1 5\nf\nl\nf\n"},
	{name: "ls of nothing", script: "ls none || echo gone", out: "gone\n", err: "ls: none: no such file or directory\n"},
	{name: "ls all", script: "mkdir -p d/e; touch d/.h d/b; ls -a d; ls -R d", out: ".\n..\n.h\nb\ne\nd:\nb\ne\n\nd/e:\n"},
	{name: "cp and rm", script: "mkdir -p a/b; echo x > a/b/c; cp -r a z; cat z/b/c; mv z y; find y -type f; rm -r a y; ls", out: "x\ny/b/c\n"},
	{name: "rm of nothing", script: "rm -f none && rm none", err: "none", status: 1},
	{name: "mkdir twice", script: "mkdir d; mkdir d", err: "d", status: 1},
	{name: "rmdir", script: "mkdir d; rmdir d; rmdir d", err: "rmdir: d: no such file or directory\n", status: 1},
	{name: "links", script: "echo x > f; ln f g; stat -c '%h %F' g; ln -sf none g; stat -c %F g; ln f f", out: "2 regular file\nsymbolic link\n", err: "file exists", status: 1},
	{name: "find", script: "mkdir -p a/b; touch a/x.go a/b/y.go; find a -name '*.go'; find . -maxdepth 1 -type d", out: "a/b/y.go\na/x.go\n.\n./a\n"},
	{name: "tar", script: "mkdir d; echo x > d/f; tar cf t.tar d; rm -r d; tar xf t.tar; cat d/f", out: "x\n"},
	{name: "gzip", script: "echo x > f; gzip f; ls; zcat f.gz", out: "f.gz\nx\n"},
	{name: "sha256sum", script: "printf x > f; sha256sum f > s; cat s; sha256sum -c s; echo >> f; sha256sum -c s", out: "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881  f\nf: OK\nf: FAILED\n", err: "not what they should be", status: 1},

	{name: "head and tail", script: "seq 5 > f; head -n 2 f; tail -2 f; tail -n +4 f; head -c 3 f; yes | head -n 1", out: "1\n2\n4\n5\n4\n5\n1\n2y\n"},
	{name: "wc", script: "printf 'a b\\nc\\n' > f; wc f; wc -l < f; wc -c f f", out: "2 3 6 f\n2\n6 f\n6 f\n12 total\n"},
	{name: "grep", script: "printf 'ab\\nAB\\ncd\\n' > f; grep -c . f; grep -i 'A\\(b\\)' f; grep -vn a f; grep -E 'b|d' f; grep -q zz f; echo $?; grep -F . f", out: "3\nab\nAB\n2:AB\n3:cd\nab\ncd\n1\n", status: 1},
	{name: "grep of nothing", script: "grep x none", err: "grep: none", status: 2},
	{name: "sort", script: "printf '10 b\\n9 a\\n9 a\\n' > f; sort f; sort -n -u f; sort -k 2 -r f | uniq -c | tr -s ' '", out: "10 b\n9 a\n9 a\n9 a\n10 b\n 1 10 b\n 2 9 a\n"},
	{name: "tr", script: "echo hello | tr a-y b-z; echo aabb | tr -s a; echo a1b2 | tr -d '[:digit:]'; echo a1 | tr -cd 0-9", out: "ifmmp\nabb\nab\n1"},
	{name: "cut", script: "echo a:b:c:d | cut -d : -f 2-3; echo abc | cut -c 1,3", out: "b:c\nac\n"},
	{name: "names", script: "basename /a/b.c .c; dirname /a/b; dirname x; dirname /; echo a b | xargs -n 1 echo", out: "b\n/a\n.\n/\na\nb\n"},
	{name: "seq", script: "seq 3; seq 2 3; seq 3 -2 0; seq x", out: "1\n2\n3\n2\n3\n3\n1\n", err: "no whole number", status: 1},
	{name: "date", script: "date -u -d @0 '+%F %T %s %a %j'; date -d yesterday", out: "1970-01-01 00:00:00 0 Thu 001\n", err: "no time", status: 1},
	{name: "env", script: "env -i A=1 B=2; env X=y printenv X; env -u HOME printenv HOME; env no-such", out: "A=1\nB=2\ny\n", err: "env: no-such", status: 127},
	{name: "timeout", script: "timeout 0.05 sleep 1000; echo $?; timeout 60 sh -c 'exit 5'", out: "124\n", status: 5},
	{name: "terminal", script: "test -t 0 || echo none; tty; stty size", out: "none\nnot a tty\n", err: "stty", status: 1},
	{name: "ps", script: "sleep 1000 & ps | grep -c \"^ *$! \"; kill $!", out: "1\n"},
	{name: "unknown option", script: "ls -Z", err: "unknown option -Z", status: 1},
}

func TestScripts(t *testing.T) {
	bin := install(t)
	for _, tt := range scripts {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, bin, "sh", "-c", tt.script)
			cmd.Stdin = strings.NewReader(tt.in)
			if strings.Contains(tt.script, "< go") {
				if err := syscall.Mkfifo(filepath.Join(cmd.Dir, "go"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got := run(t, cmd)
			if got.Out != tt.out || got.Status != tt.status {
				t.Errorf("%s\ngives %q, status %d, want %q, %d (stderr %q)", tt.script, got.Out, got.Status, tt.out, tt.status, got.Err)
			}
			if tt.err == "" && got.Err != "" || !strings.Contains(got.Err, tt.err) {
				t.Errorf("%s\nsays %q, want %q", tt.script, got.Err, tt.err)
			}
		})
	}
}

// As process 1 the shell lives through signals without a trap, ends by those
// with one, and takes in orphans.
func TestProcess1(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("requires root, for a process namespace")
	}
	bin := install(t)
	for script, want := range map[string]outcome{
		"echo $$; sh -c 'kill 1'; sleep 0.05; echo alive":                                            {Out: "1\nalive\n"},
		"trap 'exit 7' TERM; sh -c 'kill 1'; while :; do sleep 0.01; done":                           {Status: 7},
		"sh -c 'sleep 0.01 & echo $! > f'; while kill -0 $(cat f) 2> /dev/null; do sleep 0.01; done": {},
		"exec sleep 0.01": {},
	} {
		cmd := command(t, bin, "sh", "-c", script)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
		if got := run(t, cmd); got != want {
			t.Errorf("%s\ngives %+v, want %+v", script, got, want)
		}
	}
}

func TestUnknownProgram(t *testing.T) {
	bin := install(t)
	got := run(t, command(t, bin, name, "nothing"))
	if got.Status != 127 || !strings.Contains(got.Err, "nothing") {
		t.Errorf("vz-box nothing = %+v", got)
	}
	if got := run(t, command(t, bin, name)); !strings.Contains(got.Out, "\nsh\n") {
		t.Errorf("vz-box lists %q", got.Out)
	}
	if got := run(t, command(t, bin, name, "echo", "a")); got.Out != "a\n" {
		t.Errorf("vz-box echo a = %+v", got)
	}
}

// A program whose output goes nowhere ends.
func TestBrokenPipe(t *testing.T) {
	bin := install(t)
	cmd := command(t, bin, "yes")
	r, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("yes succeeded")
	}
}
