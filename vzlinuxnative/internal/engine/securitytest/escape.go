//go:build linux

package securitytest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
)

func itoa(n int) string { return strconv.Itoa(n) }

// ownExecutable is the class of CVE-2019-5736: a container whose program, or
// an exec's, is /proc/self/exe reaches the runtime's binary and may write it.
func ownExecutable(l *lab) {
	self, err := os.Executable()
	require.NoError(l, err)
	before, err := os.Stat(self)
	require.NoError(l, err)
	// A script whose interpreter is whatever executes it.
	require.NoError(l, os.WriteFile(filepath.Join(l.root, "bin/evil"), []byte("#!/proc/self/exe\n"), 0o755))
	c, err := l.create(config{}, "sleep 1000", engine.Stdio{})
	require.NoError(l, err)
	require.NoError(l, c.Start(l.Context()))
	p, err := c.Exec(l.Context(), engine.ExecRequest{ID: "evil", Process: process(l, "/bin/evil")})
	if err == nil {
		// It ran something: not our binary, which would have obeyed.
		_, err = p.Wait()
		require.NoError(l, err)
	}
	// From inside, no process shows an executable that can be opened to write
	// and is the host's.
	r, w, err := os.Pipe()
	require.NoError(l, err)
	defer r.Close()
	probe := "for e in /proc/[0-9]*/exe; do readlink $e; done; sleep 0"
	q, err := c.Exec(l.Context(), engine.ExecRequest{ID: "probe", Process: process(l, "/bin/sh", "-c", probe), Stdio: engine.Stdio{Stdout: w}})
	w.Close()
	require.NoError(l, err)
	require.NotContains(l, readAll(l, r), filepath.Base(self))
	_, err = q.Wait()
	require.NoError(l, err)
	after, err := os.Stat(self)
	require.NoError(l, err)
	require.Equal(l, before.ModTime(), after.ModTime())
	require.Equal(l, before.Size(), after.Size())
}

// leakedDescriptor is CVE-2024-21626: a descriptor of the host that the
// workload can reach, also as its working directory.
func leakedDescriptor(l *lab) {
	fd, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY, 0) // not close-on-exec
	require.NoError(l, err)
	defer unix.Close(fd)
	list := "for f in /proc/self/fd/*; do readlink $f; done | grep -v pipe: | grep -v /proc/ | grep -v /dev/null || true"
	require.Empty(l, l.out(config{}, list))
	c, err := l.create(config{}, "sleep 1000", engine.Stdio{})
	require.NoError(l, err)
	require.NoError(l, c.Start(l.Context()))
	for n := 3; n < 16; n++ {
		p := process(l, "/bin/pwd")
		p.Cwd = "/proc/self/fd/" + itoa(n)
		q, err := c.Exec(l.Context(), engine.ExecRequest{ID: "cwd" + itoa(n), Process: p})
		if err == nil {
			ws, werr := q.Wait()
			require.NoError(l, werr)
			require.NotZero(l, ws, "exec in %s ran", p.Cwd)
		}
	}
}

// linksInDev is the class of CVE-2025-31133: an image that has links where the
// runtime mounts or masks.
func linksInDev(l *lab) {
	outside := filepath.Join(l.TempDir(), "victim")
	require.NoError(l, os.WriteFile(outside, []byte("host"), 0o666))
	for _, name := range []string{"null", "full", "console", "ptmx", "shm", "pts"} {
		require.NoError(l, os.Symlink(outside, filepath.Join(l.root, "dev", name)))
	}
	require.NoError(l, os.RemoveAll(filepath.Join(l.root, "sys")))
	require.NoError(l, os.Symlink(filepath.Dir(outside), filepath.Join(l.root, "sys")))
	out, _ := l.try("echo escaped >/dev/null; ls /dev; cat /proc/kcore | wc -c")
	require.NotContains(l, out, "escaped")
	got, err := os.ReadFile(outside)
	require.NoError(l, err)
	require.Equal(l, "host", string(got))
	entries, err := os.ReadDir(filepath.Dir(outside))
	require.NoError(l, err)
	require.Len(l, entries, 1, "something was made outside the root")
	// What hides a file is the null device itself, not what a link names.
	plain := newLab(l.T, l.engine)
	plain.unconfined = l.unconfined
	require.Equal(l, "1:3", plain.out(config{}, "stat -c %t:%T /proc/keys"))
}

// consoleLinks is CVE-2025-52565: /dev/console is made over a link.
func consoleLinks(l *lab) {
	require.NoError(l, os.Symlink("/proc/sys/kernel/core_pattern", filepath.Join(l.root, "dev/console")))
	before, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	require.NoError(l, err)
	c, err := l.create(config{TTY: true}, "stat -c %F /dev/console; mount | grep core_pattern; true", engine.Stdio{})
	require.NoError(l, err)
	require.NoError(l, c.Start(l.Context()))
	console := c.Console()
	require.NotNil(l, console)
	defer console.Close()
	out := readTerminal(console)
	_, err = c.Wait()
	require.NoError(l, err)
	require.Contains(l, out, "character special file")
	require.NotContains(l, out, "core_pattern")
	after, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	require.NoError(l, err)
	require.Equal(l, string(before), string(after))
}

// procLink is CVE-2025-52881: /proc of the image is a link or holds files, so
// that writes to /proc/self/attr or sysctls go elsewhere.
func procLink(l *lab) {
	require.NoError(l, os.Remove(filepath.Join(l.root, "proc")))
	require.NoError(l, os.Symlink("/tmp", filepath.Join(l.root, "proc")))
	out, ws := l.try("ls /tmp; cat /proc/self/comm")
	if ws.Exited() && ws.ExitStatus() == 0 {
		require.True(l, strings.HasSuffix(out, "cat"), out)
	}
	_, err := os.Stat("/tmp/self")
	require.ErrorIs(l, err, os.ErrNotExist)
}

// mountInProc is the class of CVE-2019-16884: an image has a link into /proc where a
// volume goes, which would hide what the kernel tells and takes there.
func mountInProc(l *lab) {
	for _, to := range []string{"/proc", "/proc/sys", "/proc/self/attr"} {
		require.NoError(l, os.Symlink(to, filepath.Join(l.root, "link")))
		l.binds = []engine.ResolvedMount{{Mount: vzcontract.Mount{Type: vzcontract.MountVolume, Target: "/link"}, HostPath: l.TempDir()}}
		c, err := l.create(config{}, "true", engine.Stdio{})
		if err == nil {
			err = c.Start(l.Context())
		}
		require.Error(l, err, to)
		require.NoError(l, os.Remove(filepath.Join(l.root, "link")))
	}
}

// swappedSource is the race of volume subpaths: what was checked and opened is
// mounted, not what its path has become.
func swappedSource(l *lab) {
	dir := l.TempDir()
	checked, victim := filepath.Join(dir, "checked"), filepath.Join(dir, "victim")
	for _, d := range []string{checked, victim} {
		require.NoError(l, os.Mkdir(d, 0o755))
		require.NoError(l, os.WriteFile(filepath.Join(d, "name"), []byte(filepath.Base(d)), 0o644))
	}
	fd, err := unix.Open(checked, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	require.NoError(l, err)
	defer unix.Close(fd)
	file, err := unix.Open(filepath.Join(checked, "name"), unix.O_PATH|unix.O_CLOEXEC, 0)
	require.NoError(l, err)
	defer unix.Close(file)
	require.NoError(l, os.Rename(checked, checked+".moved"))
	require.NoError(l, os.Symlink(victim, checked))
	l.binds = []engine.ResolvedMount{
		{Mount: vzcontract.Mount{Type: vzcontract.MountVolume, Target: "/dir"}, HostPath: checked, SourceFD: fd},
		{Mount: vzcontract.Mount{Type: vzcontract.MountVolume, Target: "/file", ReadOnly: true}, HostPath: checked, SourceFD: file},
	}
	require.Equal(l, "checked checked", l.out(config{}, "echo $(cat /dir/name) $(cat /file)"))
}
