//go:build linux

package enginetest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/cgroups"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/timerslack"
)

// Run checks an engine. Each check gets an engine and a root of its own.
func Run(t *testing.T, open func(t *testing.T) engine.Engine) {
	checks := []struct {
		name string
		run  func(t *testing.T, e engine.Engine, root string)
	}{
		{"exit", exit},
		{"errors", execErrors},
		{"isolation", isolation},
		{"mounts", mounts},
		{"loopback", loopback},
		{"hostile links", hostileLinks},
		{"identity", identity},
		{"working directory", workingDirectory},
		{"timer slack", timerSlack},
		{"no descriptors leak", descriptors},
		{"seccomp", filter},
		{"terminal", terminal},
		{"exec", execs},
		{"exec kill", execKill},
		{"destroy", destroy},
		{"cancel", cancelled},
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t), Root(t)) })
	}
}

func exit(t *testing.T, e engine.Engine, root string) {
	out, ws := output(t, e, Spec(root, "sh", "-c", "echo out; echo err >&2; exit 7"))
	require.Equal(t, "out\nerr\n", out)
	require.Equal(t, 7, ws.ExitStatus())

	b := start(t, e, Spec(root, "sleep", "1000"), engine.Stdio{})
	require.NoError(t, unix.Kill(b.PID(), unix.SIGKILL))
	ws, err := b.Wait()
	require.NoError(t, err)
	require.Equal(t, unix.SIGKILL, ws.Signal())

	// No action of the engine's process reaches the workload.
	require.Equal(t, "0000000000000000", shell(t, e, root, "grep -E 'SigBlk|SigIgn' /proc/self/status | grep -v 0000000000000000; echo 0000000000000000", nil))
}

// timerSlack: what the engine's own threads have is not passed on.
func timerSlack(t *testing.T, e engine.Engine, root string) {
	own, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	require.NoError(t, err)
	require.NotEqual(t, timerslack.Default, own)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	b := start(t, e, Spec(root, "sh", "-c", "cat /proc/self/timerslack_ns; sleep 1000"), engine.Stdio{Stdout: w})
	w.Close()
	line, err := bufio.NewReader(r).ReadString('\n')
	require.NoError(t, err)
	out, _, err := b.exec("cat", "/proc/self/timerslack_ns")
	require.NoError(t, err)
	want := strconv.Itoa(timerslack.Default) + "\n"
	require.Equal(t, want, line)
	require.Equal(t, want, out)
}

// failure is what a program that cannot run makes of Create or Start.
func failure(t *testing.T, e engine.Engine, spec *specs.Spec) error {
	t.Helper()
	b, err := create(t, e, spec, engine.Stdio{})
	if err == nil {
		err = b.Start(t.Context())
	}
	return err
}

func execErrors(t *testing.T, e engine.Engine, root string) {
	require.NoError(t, os.WriteFile(filepath.Join(root, "plain"), []byte("text"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(root, "script"), []byte("#!/no/such\n"), 0o755))
	for program, want := range map[string]error{
		"no-such":     vzcontract.ErrNoSuchProgram,
		"/no/such":    vzcontract.ErrNoSuchProgram,
		"/script":     vzcontract.ErrNoSuchProgram,
		"/plain":      vzcontract.ErrCannotExec,
		"/bin":        vzcontract.ErrCannotExec,
		"/plain/file": vzcontract.ErrNoSuchProgram,
	} {
		err := failure(t, e, Spec(root, program))
		require.ErrorIs(t, err, want, program)
		require.Contains(t, err.Error(), program)
		require.NotContains(t, err.Error(), "\n")
	}
}

func isolation(t *testing.T, e engine.Engine, root string) {
	sh := func(script string) string { return shell(t, e, root, script, nil) }
	require.Equal(t, "1", sh("echo $$"))
	require.Equal(t, "box", sh("hostname"))
	require.Equal(t, "lo:", sh("cat /proc/net/dev | grep -o '[a-z0-9]*:'"))
	require.NotContains(t, sh("cat /proc/self/cgroup"), "enginetest")
	require.Equal(t, "0", sh("cat /proc/keys | wc -c"))
	require.Equal(t, "", sh("ls /sys/firmware"))
	require.Contains(t, sh("echo x 2>&1 >/proc/sys/kernel/hostname || true"), "Read-only")
	require.Contains(t, sh("echo x 2>&1 >/sys/x || true"), "Read-only")
	// Access to a device that is not allowed; its node may be made.
	require.Contains(t, sh("mknod /tmp/disk b 7 0 && head -c1 /tmp/disk 2>&1 || true"), "not permitted")
	require.Equal(t, "CapEff:\t00000000080000e1", sh("grep CapEff /proc/self/status"))
}

func mounts(t *testing.T, e engine.Engine, root string) {
	src := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(src, "file"), []byte("data"), 0o644))
	with := func(m ...specs.Mount) func(*specs.Spec) {
		return func(s *specs.Spec) { s.Mounts = append(s.Mounts, m...) }
	}
	bind := specs.Mount{Destination: "/a/b", Source: src, Type: "bind", Options: []string{"rbind", "ro"}}
	require.Equal(t, "data", shell(t, e, root, "cat /a/b/file", with(bind)))
	require.Contains(t, shell(t, e, root, "touch /a/b/new 2>&1 || true", with(bind)), "Read-only")
	file := specs.Mount{Destination: "/etc/deep/name", Source: filepath.Join(src, "file"), Type: "bind", Options: []string{"bind"}}
	require.Equal(t, "data", shell(t, e, root, "cat /etc/deep/name", with(file)))
	tmp := specs.Mount{Destination: "/scratch", Source: "tmpfs", Type: "tmpfs", Options: []string{"nosuid", "noexec", "size=1m", "mode=1777"}}
	require.Contains(t, shell(t, e, root, "grep /scratch /proc/mounts; stat -c %a /scratch", with(tmp)), "noexec")
	plain := specs.Mount{Destination: "/plain", Source: "tmpfs", Type: "tmpfs"}
	require.Equal(t, "1777", shell(t, e, root, "stat -c %a /plain", with(plain)))
	require.NoError(t, os.Mkdir(filepath.Join(root, "closed"), 0o750))
	plain.Destination = "/closed" // whose mode it keeps
	require.Equal(t, "750", shell(t, e, root, "stat -c %a /closed", with(plain)))
	err := failure(t, e, func() *specs.Spec {
		s := Spec(root, "true")
		with(specs.Mount{Destination: "/x", Source: "/no/such/source", Type: "bind", Options: []string{"bind"}})(s)
		return s
	}())
	require.ErrorContains(t, err, "/no/such/source")
	readonly := func(s *specs.Spec) { s.Root.Readonly = true }
	require.Contains(t, shell(t, e, root, "touch /new 2>&1 || true", readonly), "Read-only")
}

// loopback: a new network namespace has lo, and it is up.
func loopback(t *testing.T, e engine.Engine, root string) {
	require.Contains(t, shell(t, e, root, "busybox ip addr show lo", nil), "inet 127.0.0.1/8")
}

// hostileLinks mounts over links that an image chose.
func hostileLinks(t *testing.T, e engine.Engine, root string) {
	outside := t.TempDir()
	require.NoError(t, os.Symlink(outside, filepath.Join(root, "out")))
	require.NoError(t, os.Symlink("../../../../../../../run/made/resolv.conf", filepath.Join(root, "etc/resolv.conf")))
	require.NoError(t, os.Symlink("/loop", filepath.Join(root, "loop")))
	src := filepath.Join(t.TempDir(), "src")
	require.NoError(t, os.WriteFile(src, []byte("data"), 0o644))
	with := func(dest string) *specs.Spec {
		s := Spec(root, "cat", dest)
		s.Mounts = append(s.Mounts, specs.Mount{Destination: dest, Source: src, Type: "bind", Options: []string{"bind"}})
		return s
	}
	for _, dest := range []string{"/out/file", "/etc/resolv.conf", "/etc/../../../escape"} {
		out, ws := output(t, e, with(dest))
		require.Equal(t, 0, ws.ExitStatus(), out)
		require.Equal(t, "data", out, dest)
	}
	left, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Empty(t, left, "a mount target was made outside the root")
	require.FileExists(t, filepath.Join(root, "run/made/resolv.conf"))
	require.Error(t, failure(t, e, with("/loop/file")))
}

func identity(t *testing.T, e engine.Engine, root string) {
	change := func(s *specs.Spec) {
		s.Process.User = specs.User{UID: 1000, GID: 100, AdditionalGids: []uint32{4, 24}}
		s.Process.NoNewPrivileges = true
		s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 64, Hard: 128}}
	}
	require.Equal(t, "uid=1000 gid=100 groups=4,24", shell(t, e, root, "id", change))
	require.Contains(t, shell(t, e, root, "grep CapEff /proc/self/status", change), "0000000000000000")
	require.Contains(t, shell(t, e, root, "grep NoNewPrivs /proc/self/status", change), "1")
	require.Equal(t, "64 128", shell(t, e, root, "echo $(ulimit -n) $(ulimit -Hn)", change))
	require.Equal(t, "600", shell(t, e, root, "touch /tmp/f; stat -c %a /tmp/f", func(s *specs.Spec) {
		mask := uint32(0o077)
		s.Process.User.Umask = &mask
	}))
}

// workingDirectory is CVE-2024-21626: a working directory by way of a
// descriptor of the host must not work.
func workingDirectory(t *testing.T, e engine.Engine, root string) {
	require.Equal(t, "/tmp", shell(t, e, root, "pwd", func(s *specs.Spec) { s.Process.Cwd = "/tmp" }))
	for _, fd := range []string{"3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "20"} {
		for _, proc := range []string{"/proc/self/fd/", "/proc/1/fd/"} {
			s := Spec(root, "pwd")
			s.Process.Cwd = proc + fd
			require.Error(t, failure(t, e, s), s.Process.Cwd)
		}
	}
}

func descriptors(t *testing.T, e engine.Engine, root string) {
	// A descriptor without close-on-exec stands for any that leaks.
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	require.Equal(t, "0\n1\n2\n3", shell(t, e, root, "ls /proc/self/fd", nil))
	b := start(t, e, Spec(root, "sleep", "1000"), engine.Stdio{})
	out, _, err := b.exec("ls", "/proc/self/fd")
	require.NoError(t, err)
	require.Equal(t, "0\n1\n2\n3\n", out)
}

func filter(t *testing.T, e engine.Engine, root string) {
	for _, nnp := range []bool{false, true} {
		got := shell(t, e, root, "grep Seccomp: /proc/self/status; chmod 600 /tmp 2>&1 || true", func(s *specs.Spec) {
			s.Process.NoNewPrivileges = nnp
			s.Linux.Seccomp = &specs.LinuxSeccomp{
				DefaultAction: specs.ActAllow,
				Syscalls: []specs.LinuxSyscall{{
					Names: []string{"chmod", "fchmodat", "fchmodat2"}, Action: specs.ActErrno,
				}},
			}
		})
		require.Contains(t, got, "Seccomp:\t2")
		require.Contains(t, got, "not permitted")
	}
}

func terminal(t *testing.T, e engine.Engine, root string) {
	spec := Spec(root, "sh", "-c", "tty; stty size; ls -l /dev/console; read x; stty size; echo got $x")
	spec.Process.Terminal = true
	spec.Process.ConsoleSize = &specs.Box{Height: 33, Width: 101}
	b, err := create(t, e, spec, engine.Stdio{})
	require.NoError(t, err)
	require.NoError(t, b.Start(t.Context()))
	c := b.Console()
	defer c.Close()
	lines := bufio.NewScanner(c)
	next := func() string {
		require.True(t, lines.Scan(), "%v", lines.Err())
		return strings.TrimSpace(lines.Text())
	}
	require.Equal(t, "/dev/console", strings.Replace(next(), "/dev/pts/0", "/dev/console", 1))
	require.Equal(t, "33 101", next())
	require.Contains(t, next(), "/dev/console")
	require.NoError(t, unix.IoctlSetWinsize(int(c.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 132}))
	_, err = io.WriteString(c, "word\n")
	require.NoError(t, err)
	require.Equal(t, "word", next()) // the terminal's echo
	require.Equal(t, "50 132", next())
	require.Equal(t, "got word", next())
	_, err = b.Wait()
	require.NoError(t, err)
}

func execs(t *testing.T, e engine.Engine, root string) {
	b := start(t, e, Spec(root, "sleep", "1000"), engine.Stdio{})
	out, ws, err := b.exec("sh", "-c", "hostname; cat /proc/1/comm; ls /proc/self/ns >/dev/null; exit 5")
	require.NoError(t, err)
	require.Equal(t, 5, ws.ExitStatus())
	require.Equal(t, "box\nsleep\n", out)
	_, _, err = b.exec("no-such")
	require.ErrorIs(t, err, vzcontract.ErrNoSuchProgram)
	require.NoError(t, unix.Kill(b.PID(), unix.SIGKILL))
	_, err = b.Wait()
	require.NoError(t, err)
	_, _, err = b.exec("true")
	require.Error(t, err)
}

// execKill ends an exec that has left its session and its parent.
func execKill(t *testing.T, e engine.Engine, root string) {
	b := start(t, e, Spec(root, "sleep", "1000"), engine.Stdio{})
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	p, err := b.start(w, "sh", "-c", "(setsid sh -c 'echo ready; sleep 500' & ) ; sleep 600")
	w.Close()
	require.NoError(t, err)
	in := bufio.NewReader(r)
	_, err = in.ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, p.Kill(t.Context()))
	ws, err := p.Wait()
	require.NoError(t, err)
	require.Equal(t, unix.SIGKILL, ws.Signal())
	// The pipe ends when the last holder of its other end is dead.
	_, err = io.ReadAll(in)
	require.NoError(t, err)
	out, _, err := b.exec("ps")
	require.NoError(t, err)
	require.Contains(t, out, "sleep 1000")
	require.NotContains(t, out, "sleep 500")
	require.NotContains(t, out, "sleep 600")
}

func destroy(t *testing.T, e engine.Engine, root string) {
	spec := Spec(root, "sh", "-c", "sleep 1000 & sleep 1000")
	b, err := create(t, e, spec, engine.Stdio{})
	require.NoError(t, err)
	require.NoError(t, b.Start(t.Context()))
	pid := b.PID()
	require.NoError(t, b.Destroy(context.Background()))
	require.ErrorIs(t, unix.Kill(pid, 0), unix.ESRCH)
	paths, err := filepath.Glob("/sys/fs/cgroup/*" + spec.Linux.CgroupsPath)
	require.NoError(t, err)
	require.Empty(t, paths)
	require.False(t, cgroups.PathExists("/sys/fs/cgroup"+spec.Linux.CgroupsPath))
	require.NoError(t, b.Destroy(context.Background()))
}

func cancelled(t *testing.T, e engine.Engine, root string) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	spec := Spec(root, "true")
	spec.Linux.CgroupsPath = "/vztest/cancelled"
	c, err := e.Create(ctx, engine.CreateRequest{ID: "cancelled", Spec: spec, StateDir: t.TempDir()})
	if err == nil {
		err = errors.Join(c.Destroy(context.Background()), errors.New("create went on though its context had ended"))
	}
	require.ErrorIs(t, err, context.Canceled)
}
