//go:build linux

package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"vz.internal/tools/e2e/internal/need"
	"vz.internal/tools/e2e/internal/vztest"
)

func TestInvalidRuns(t *testing.T) {
	h := vztest.New(t)
	image := busybox(t, "busybox")
	h.Must("pull", "-q", image)
	tests := []struct {
		name  string
		flags []string
		argv  []string
		code  int
		words []string
	}{
		{name: "unknown flag", flags: []string{"--no-such"}, code: 2, words: []string{"--no-such", "--help"}},
		{name: "port", flags: []string{"-p", "http"}, code: 2, words: []string{"http"}},
		{name: "port range", flags: []string{"-p", "1-3:1-2"}, code: 2, words: []string{"1-3:1-2"}},
		{name: "port too large", flags: []string{"-p", "70000:80"}, code: 2, words: []string{"70000"}},
		{name: "memory", flags: []string{"--memory", "much"}, code: 2, words: []string{"memory", "much"}},
		{name: "little memory", flags: []string{"--memory", "1"}, code: 125, words: []string{"memory"}},
		{name: "cpus", flags: []string{"--cpus", "-1"}, code: 2, words: []string{"cpus"}},
		{name: "restart", flags: []string{"--restart", "sometimes"}, code: 2, words: []string{"sometimes", "unless-stopped"}},
		{name: "ulimit", flags: []string{"--ulimit", "files=3"}, code: 2, words: []string{"files"}},
		{name: "capability", flags: []string{"--cap-add", "FLY"}, code: 125, words: []string{"FLY"}},
		{name: "security option", flags: []string{"--security-opt", "magic"}, code: 2, words: []string{"magic"}},
		{name: "seccomp profile", flags: []string{"--security-opt", "seccomp=/no/such.json"}, code: 2, words: []string{"/no/such.json"}},
		{name: "sysctl", flags: []string{"--sysctl", "no.such=1"}, code: 125, words: []string{"no.such"}},
		{name: "device", flags: []string{"--device", "/dev/no-such"}, code: 125, words: []string{"/dev/no-such"}},
		{name: "network", flags: []string{"--network", "nowhere"}, code: 125, words: []string{"nowhere", "vz network"}},
		{name: "network of a container", flags: []string{"--network", "container:nobody"}, code: 125, words: []string{"nobody"}},
		{name: "container name", flags: []string{"--name", "a b"}, code: 125, words: []string{"a b"}},
		{name: "user", flags: []string{"--user", "nobody-knows"}, code: 125, words: []string{"nobody-knows", "/etc/passwd"}},
		{name: "group", flags: []string{"--user", "0:nobody-knows"}, code: 125, words: []string{"nobody-knows", "/etc/group"}},
		{name: "uid too large", flags: []string{"--user", "99999999999"}, code: 125, words: []string{"99999999999"}},
		{name: "relative directory", flags: []string{"-w", "here"}, code: 125, words: []string{"here"}},
		{name: "relative mount", flags: []string{"-v", "/etc:there"}, code: 2, words: []string{"there"}},
		{name: "bind source", flags: []string{"--mount", "type=bind,source=/no/such/dir,target=/x"}, code: 125, words: []string{"/no/such/dir"}},
		{name: "mount type", flags: []string{"--mount", "type=cloud,target=/x"}, code: 2, words: []string{"cloud"}},
		{name: "environment file", flags: []string{"--env-file", "/no/such/env"}, code: 2, words: []string{"/no/such/env"}},
		{name: "log driver", flags: []string{"--log-driver", "telegraph"}, code: 125, words: []string{"telegraph"}},
		{name: "platform", flags: []string{"--platform", "plan9/mips"}, code: 125, words: []string{"plan9/mips"}},
		{name: "entrypoint not there", flags: []string{"--entrypoint", "/no/such"}, code: 127, words: []string{"/no/such"}},
		{name: "not on the path", argv: []string{"no-such"}, code: 127, words: []string{"no-such", "PATH"}},
		{name: "interpreter not there", argv: []string{"/bin/no-interp"}, code: 127, words: []string{"/bin/no-interp"}},
		{name: "not executable", argv: []string{"/bin/no-mode"}, code: 126, words: []string{"/bin/no-mode", "permission"}},
		{name: "directory", argv: []string{"/tmp"}, code: 126, words: []string{"/tmp"}},
		{name: "no program", argv: []string{"/bin/no-shebang"}, code: 126, words: []string{"/bin/no-shebang", "format"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			argv := tt.argv
			if argv == nil {
				argv = []string{"true"}
			}
			args := append(append([]string{"run", "-q", "--rm"}, tt.flags...), image)
			r := h.Do(append(args, argv...)...)
			oneLine(t, r, tt.code, tt.words...)
			nothingLeft(t, h)
		})
	}
}

func TestTakenNameAndPort(t *testing.T) {
	h := vztest.New(t)
	image := busybox(t, "busybox")
	h.Must("run", "-q", "-d", "--name", "taken", "-p", "127.0.0.1::80", image, "sleep", "1000")
	oneLine(t, h.Do("run", "-q", "-d", "--name", "taken", image, "true"), 125, "taken", "remove or rename")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, ours, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, others, err := net.SplitHostPort(strings.TrimSpace(h.Must("port", "taken", "80")))
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range []string{ours, others} {
		oneLine(t, h.Do("run", "-q", "-d", "--rm", "-p", "127.0.0.1:"+port+":80", image, "sleep", "1000"), 125, port, "in use")
	}
	if got := len(h.Containers()); got != 1 {
		t.Errorf("%d containers, want the first only", got)
	}
}

// A damaged record is named; the other containers go on; repair moves it aside.
func TestDamagedRecord(t *testing.T) {
	image := busybox(t, "busybox")
	for _, file := range []string{"state.json", "config.json"} {
		t.Run(file, func(t *testing.T) {
			h := vztest.New(t)
			id := strings.TrimSpace(h.Must("create", "-q", "--name", "hurt", image))
			h.Must("run", "-q", "-d", "--name", "fine", "--network", "none", image, "sleep", "1000")
			record := filepath.Join(h.Home(), "containers", id, file)
			if err := os.WriteFile(record, []byte(`{"name": "hu`), 0o600); err != nil {
				t.Fatal(err)
			}
			r := h.Do("ps", "-a", "--format", "{{.Names}}")
			if !strings.Contains(r.Stdout, "fine\n") || !strings.Contains(r.Stderr, record) || !strings.Contains(r.Stderr, "vz doctor --repair") {
				t.Errorf("%s\nwant the other container, and a message that names %s and vz doctor --repair", r, record)
			}
			h.Must("exec", "fine", "true")
			h.Do("doctor", "--repair")
			if r := h.Do("ps", "-a", "--format", "{{.Names}}"); r.Code != 0 || r.Stdout != "fine\n" || r.Stderr != "" {
				t.Errorf("after the repair %s", r)
			}
			h.Must("run", "-q", "--rm", "--name", "hurt", "--network", "none", image, "true") // the name is free
		})
	}
}

// copies puts vz and its companions where everybody can run them.
func copies(t *testing.T, companions ...string) (dir string) {
	t.Helper()
	vz := need.VZ(t)
	dir, err := os.MkdirTemp("", "bin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for _, name := range append([]string{"vz", "vz-monitor"}, companions...) {
		if out, err := exec.Command("install", "-m", "755", filepath.Join(filepath.Dir(vz), name), dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// An ordinary user has nothing to do with root's containers; TestRootless is about that
// user's own.
func TestOrdinaryUser(t *testing.T) {
	h := vztest.New(t)
	image := busybox(t, "busybox")
	h.Must("run", "-q", "-d", "--name", "roots", "--network", "none", image, "sleep", "1000")
	bin := copies(t)
	if err := os.Chmod(h.Dir, 0o755); err != nil {
		t.Fatal(err)
	}
	as := func(env []string, args ...string) vztest.Result {
		cmd := h.Command(args...)
		cmd.Path = filepath.Join(bin, "vz")
		cmd.Env = append(env, "PATH="+bin+":/usr/bin:/bin")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return vztest.Finish(cmd)
	}
	for _, tt := range []struct { // in a home that is not theirs
		args []string
		code int
	}{{[]string{"run", "-q", image, "true"}, 125}, {[]string{"ps"}, 1}, {[]string{"images"}, 1}} {
		oneLine(t, as(h.Environ(), tt.args...), tt.code, h.Dir, "belongs to another user", "VZ_HOME")
	}
}

// What the kernel does not have is named, and without the wish for it vz works.
func TestMissingFeatures(t *testing.T) {
	need.Programs(t, "unshare", "setpriv")
	h := vztest.New(t)
	image := busybox(t, "busybox")
	h.Must("pull", "-q", image)
	run := func(prefix []string, args ...string) vztest.Result {
		cmd := h.Command()
		cmd.Args = append(append(prefix, need.VZ(t), "run", "-q", "--rm"), args...)
		cmd.Path = need.Programs(t, prefix[0])
		r := vztest.Finish(cmd)
		return r
	}
	noCgroups := []string{"unshare", "-m", "--propagation", "private", "sh", "-c", `mount -t tmpfs none /sys/fs/cgroup && exec "$0" "$@"`}
	oneLine(t, run(noCgroups, "--network", "none", "--memory", "64m", image, "true"), 125, "cgroup", "not mounted", "vz doctor")
	noNet := []string{"setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"}
	oneLine(t, run(noNet, image, "true"), 125, "CAP_NET_ADMIN")
	noAdmin := []string{"setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"}
	oneLine(t, run(noAdmin, "--network", "none", image, "true"), 125, "CAP_SYS_ADMIN")
	nothingLeft(t, h)
}
