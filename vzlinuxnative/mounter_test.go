//go:build linux

package vzlinuxnative_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzlinuxnative"
	"vz.internal/vzlinuxnative/internal/fault"
	"vz.internal/vzlinuxnative/internal/graft"
	"vz.internal/vzlinuxnative/internal/testreq"
)

// A mounted is a container of a test about mounts.
type mounted struct {
	testing.TB
	h  home
	b  *vzlinuxnative.Backend
	id string
}

// runMounted starts a container that runs until it is killed, unless cfg says otherwise.
func runMounted(t *testing.T, cfg vzcontract.RunConfig) *mounted {
	t.Helper()
	testreq.Root(t)
	h := newHome(t)
	c := &mounted{TB: t, h: h, b: h.open(t)}
	cfg.Rootfs, cfg.NetworkMode = conformance.BusyboxRoot(t, busybox(t)), "none"
	if len(cfg.Args) == 0 {
		cfg.Args = []string{"sleep", "1000"}
	}
	info, err := c.b.Create(t.Context(), cfg)
	require.NoError(t, err)
	c.id = info.ID
	t.Cleanup(func() {
		require.NoError(t, c.b.Remove(context.Background(), c.id, vzcontract.RemoveOptions{Force: true}))
		// A monitor that nobody needs any more ends by itself.
		require.EventuallyWithT(t, func(c *assert.CollectT) { assert.Empty(c, leftovers(t, h)) }, 10*time.Second, 10*time.Millisecond)
	})
	c.start()
	return c
}

func (c *mounted) start() {
	c.Helper()
	_, err := c.b.Start(c.Context(), c.id, vzcontract.StartOptions{})
	require.NoError(c, err)
}

func (c *mounted) info() vzcontract.ContainerInfo {
	c.Helper()
	info, err := c.b.Inspect(c.Context(), c.id)
	require.NoError(c, err)
	return info
}

func (c *mounted) targets() []string {
	c.Helper()
	var list []string
	for _, m := range c.info().Mounts {
		list = append(list, m.Target)
	}
	return list
}

func (c *mounted) sh(line string) string {
	c.Helper()
	var out, errs bytes.Buffer
	s, err := c.b.Exec(c.Context(), c.id, vzcontract.ExecConfig{Args: []string{"sh", "-c", line}, Stdio: vzcontract.Stdio{Out: &out, Err: &errs}})
	require.NoError(c, err)
	_, err = s.Wait(c.Context())
	require.NoError(c, err)
	require.NoError(c, s.Close())
	return out.String() + errs.String()
}

func project(source string) vzcontract.Mount {
	return vzcontract.Mount{Type: vzcontract.MountBind, Source: source, Target: "/added"}
}

// mountLines returns the lines of a process's mountinfo that hold text.
func mountLines(t testing.TB, pid, text string) []string {
	t.Helper()
	data, err := os.ReadFile("/proc/" + pid + "/mountinfo")
	require.NoError(t, err)
	var lines []string
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

// hostMount mounts a tmpfs with a file in it.
func hostMount(t testing.TB, dir string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), []byte("below\n"), 0o644))
}

// TestMountKilled kills the monitor at each step of a mount's coming and going. The list
// tells the truth then, and a start makes it so again.
func TestMountKilled(t *testing.T) {
	for step, there := range map[string]bool{
		"mount.recorded": false, "mount.attached": true, "unmount.detached": false, "unmount.recorded": false,
	} {
		t.Run(step, func(t *testing.T) {
			testreq.Root(t)
			mark := filepath.Join(t.TempDir(), "mark")
			t.Setenv(fault.Variable, step+"="+mark)
			before := mountLines(t, "self", "")
			c := runMounted(t, vzcontract.RunConfig{})
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "in"), []byte("x\n"), 0o644))
			err := c.b.AddMount(t.Context(), c.id, project(dir))
			if strings.HasPrefix(step, "unmount.") {
				require.NoError(t, err)
				require.ErrorIs(t, c.b.RemoveMount(t.Context(), c.id, "/added"), vzcontract.ErrNotFound, "it had gone when the monitor was killed")
			} else {
				require.ErrorIs(t, err, vzcontract.ErrConflict)
			}
			require.FileExists(t, mark)
			require.Eventually(t, func() bool { return c.info().Orphaned }, 10*time.Second, time.Millisecond, "the monitor lives")
			info := c.info()
			require.Equal(t, there, len(info.Mounts) == 1, "the info tells of %+v", info.Mounts)
			require.Equal(t, there, len(mountLines(t, strconv.Itoa(info.PID), " /added ")) == 1)
			require.ErrorIs(t, c.b.AddMount(t.Context(), c.id, project(dir)), vzcontract.ErrConflict)
			require.Equal(t, before, mountLines(t, "self", ""))

			t.Setenv(fault.Variable, "")
			none := time.Duration(0)
			require.NoError(t, c.b.Stop(t.Context(), c.id, vzcontract.StopOptions{Grace: &none}))
			c.start()
			require.Equal(t, there, len(c.targets()) == 1)
			require.Equal(t, there, c.sh("cat /added/in") == "x\n")
			if !there {
				require.NoError(t, c.b.AddMount(t.Context(), c.id, project(dir)))
				require.Equal(t, "x\n", c.sh("cat /added/in"))
			}
			require.NoError(t, c.b.RemoveMount(t.Context(), c.id, "/added"))
		})
	}
}

// TestMountStaysInside: neither the host nor the monitor has the mount.
func TestMountStaysInside(t *testing.T) {
	c := runMounted(t, vzcontract.RunConfig{})
	dir := t.TempDir()
	before := mountLines(t, "self", "")
	require.NoError(t, c.b.AddMount(t.Context(), c.id, project(dir)))
	require.Equal(t, before, mountLines(t, "self", ""))
	monitor := strconv.Itoa(monitorOf(t, c.h, c.id))
	require.Empty(t, mountLines(t, monitor, dir))
	inside, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", c.info().PID))
	require.NoError(t, err)
	left := func() bool {
		tasks, err := filepath.Glob("/proc/" + monitor + "/task/*/ns/mnt")
		require.NoError(t, err)
		return !slices.ContainsFunc(tasks, func(task string) bool {
			ns, err := os.Readlink(task)
			return err == nil && ns == inside
		})
	}
	require.Eventually(t, left, 10*time.Second, time.Millisecond, "a thread of the monitor stays in the container's namespace")
}

// TestMountIsAsAtStart compares the flags of a mount with those that a start makes, in
// both engines, before and after another start.
func TestMountIsAsAtStart(t *testing.T) {
	dir := t.TempDir()
	for name, namespaces := range map[string]vzcontract.NamespaceConfig{"direct": {}, "libct": {Cgroup: "host"}} {
		for what, m := range map[string]vzcontract.Mount{
			"plain": {}, "read-only": {ReadOnly: true}, "slave": {Propagation: "rslave"}, "top": {NonRecursive: true, ReadOnly: true},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				m.Type, m.Source = vzcontract.MountBind, dir
				m.Target = "/first"
				c := runMounted(t, vzcontract.RunConfig{Namespaces: namespaces, Mounts: []vzcontract.Mount{m}})
				m.Target = "/later"
				require.NoError(t, c.b.AddMount(t.Context(), c.id, m))
				flags := func(target string) []string {
					lines := mountLines(t, strconv.Itoa(c.info().PID), " "+target+" ")
					require.Len(t, lines, 1)
					fields := strings.Fields(lines[0])
					return append(fields[2:4], fields[5:]...) // all but the numbers and the place
				}
				require.Equal(t, flags("/first"), flags("/later"))
				require.NoError(t, c.b.Kill(t.Context(), c.id, "KILL"))
				_, err := c.b.Wait(t.Context(), c.id, vzcontract.WaitNotRunning)
				require.NoError(t, err)
				c.start()
				require.Equal(t, flags("/first"), flags("/later"))
				require.NoError(t, c.b.RemoveMount(t.Context(), c.id, "/later"))
				require.Empty(t, mountLines(t, strconv.Itoa(c.info().PID), " /later "))
			})
		}
	}
}

// TestMountTree mounts a directory with a file system mounted below it.
func TestMountTree(t *testing.T) {
	testreq.Root(t)
	dir := t.TempDir()
	hostMount(t, filepath.Join(dir, "sub"))
	hostMount(t, filepath.Join(dir, "other"))
	c := runMounted(t, vzcontract.RunConfig{})
	m := project(dir)
	m.NonRecursive = true
	require.NoError(t, c.b.AddMount(t.Context(), c.id, m))
	require.Empty(t, c.sh("ls /added/sub"))
	require.NoError(t, c.b.RemoveMount(t.Context(), c.id, "/added"))

	m.NonRecursive, m.ReadOnly = false, true
	require.NoError(t, c.b.AddMount(t.Context(), c.id, m))
	require.Equal(t, "below\nrefused\n", c.sh("cat /added/sub/f; echo x 2> /dev/null > /added/sub/f || echo refused"))
	for _, place := range []string{"/added", "/added/sub", "/added/other"} {
		s, err := c.b.Exec(t.Context(), c.id, vzcontract.ExecConfig{Args: []string{"sleep", "1000"}, WorkingDir: place})
		require.NoError(t, err)
		require.ErrorIs(t, c.b.RemoveMount(t.Context(), c.id, "/added"), vzcontract.ErrConflict)
		require.Equal(t, "below\nbelow\nrefused\n", c.sh("cat /added/sub/f /added/other/f; echo x 2> /dev/null > /added/sub/f || echo refused"), "something is missing that was in use at %s", place)
		require.Equal(t, []string{"/added"}, c.targets())
		require.NoError(t, s.Cancel(t.Context()))
		_, err = s.Wait(t.Context())
		require.NoError(t, err)
		require.NoError(t, s.Close())
	}
	require.NoError(t, c.b.RemoveMount(t.Context(), c.id, "/added"))
	require.Empty(t, mountLines(t, strconv.Itoa(c.info().PID), " /added"))
	require.FileExists(t, filepath.Join(dir, "sub", "f"))
}

// TestMountSlave: what the host mounts below the source later comes and goes with it.
func TestMountSlave(t *testing.T) {
	testreq.Root(t)
	dir := t.TempDir()
	hostMount(t, dir)
	require.NoError(t, unix.Mount("", dir, "", unix.MS_SHARED, ""))
	c := runMounted(t, vzcontract.RunConfig{})
	m := project(dir)
	m.Propagation = "rslave"
	require.NoError(t, c.b.AddMount(t.Context(), c.id, m))
	hostMount(t, filepath.Join(dir, "later"))
	require.Equal(t, "below\n", c.sh("cat /added/later/f"))
	require.NoError(t, c.b.RemoveMount(t.Context(), c.id, "/added"))
	require.Empty(t, mountLines(t, strconv.Itoa(c.info().PID), " /added"))
	require.FileExists(t, filepath.Join(dir, "later", "f"))
}

// TestMountReadOnlyRoot makes a place that the container itself could not.
func TestMountReadOnlyRoot(t *testing.T) {
	dir := t.TempDir()
	sealed := vzcontract.Mount{Type: vzcontract.MountBind, Source: t.TempDir(), Target: "/sealed", ReadOnly: true}
	c := runMounted(t, vzcontract.RunConfig{ReadOnly: true, Mounts: []vzcontract.Mount{sealed}})
	require.NoError(t, c.b.AddMount(t.Context(), c.id, project(dir)))
	require.Empty(t, c.sh("echo x > /added/f"))
	require.FileExists(t, filepath.Join(dir, "f"))
	m := project(filepath.Join(dir, "f"))
	m.Target = "/etc/new/file"
	require.NoError(t, c.b.AddMount(t.Context(), c.id, m))
	require.Equal(t, "x\n", c.sh("cat /etc/new/file"))
	m.Target = "/sealed/file"
	require.ErrorIs(t, c.b.AddMount(t.Context(), c.id, m), vzcontract.ErrConflict)
	require.Equal(t, []string{"/sealed", "/added", "/etc/new/file"}, c.targets())
}

// TestMountBetweenRuns adds and removes while a container comes and goes.
func TestMountBetweenRuns(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in"), []byte("here\n"), 0o644))
	c := runMounted(t, vzcontract.RunConfig{
		Args: []string{"sh", "-c", "cat /added/in; exit 1"}, Restart: vzcontract.RestartPolicy{Mode: vzcontract.RestartAlways},
	})
	for range 5 {
		require.NoError(t, c.b.AddMount(t.Context(), c.id, project(dir)))
		require.NoError(t, c.b.RemoveMount(t.Context(), c.id, "/added"))
	}
	require.NoError(t, c.b.AddMount(t.Context(), c.id, project(dir)))
	found := errors.New("found")
	err := c.b.Logs(t.Context(), c.id, vzcontract.LogOptions{Follow: true, Tail: -1}, func(l vzcontract.LogEntry) error {
		if string(l.Line) == "here\n" {
			return found
		}
		return nil
	})
	require.ErrorIs(t, err, found)
	// A source that has gone keeps the container from starting until the mount goes too.
	none := time.Duration(0)
	require.NoError(t, c.b.Stop(t.Context(), c.id, vzcontract.StopOptions{Grace: &none}))
	require.NoError(t, os.RemoveAll(dir))
	_, err = c.b.Start(t.Context(), c.id, vzcontract.StartOptions{})
	require.ErrorContains(t, err, dir)
	require.NoError(t, c.b.RemoveMount(t.Context(), c.id, "/added"))
	c.start()
}

// TestMountJail: a program that has made itself another root hides nothing.
func TestMountJail(t *testing.T) {
	c := runMounted(t, vzcontract.RunConfig{
		Args: []string{"sh", "-c", "mkdir -p /jail/bin && cp /bin/busybox /jail/bin && exec chroot /jail /bin/busybox sleep 1000"},
	})
	jailed := func() bool {
		root, err := os.Readlink(fmt.Sprintf("/proc/%d/root", c.info().PID))
		return err == nil && root != "/"
	}
	require.Eventually(t, jailed, 10*time.Second, time.Millisecond)
	ns, err := graft.Open(c.info().PID)
	require.NoError(t, err)
	defer ns.Close()
	mounts := func() int { // what is outside of its root, the process's own list leaves out
		all, err := graft.Mounted(ns)
		require.NoError(t, err)
		return len(all)
	}
	before := mounts()
	require.NoError(t, c.b.AddMount(t.Context(), c.id, project(t.TempDir())))
	require.Equal(t, before+1, mounts())
	require.NoError(t, c.b.RemoveMount(t.Context(), c.id, "/added"))
	require.Equal(t, before, mounts())
}

// TestMountPrivileged: a container that may mount has unmounted the mount, has covered
// it, or has covered what is above it.
func TestMountPrivileged(t *testing.T) {
	c := runMounted(t, vzcontract.RunConfig{Security: vzcontract.SecurityConfig{Privileged: true}})
	dir := t.TempDir()
	require.NoError(t, c.b.AddMount(t.Context(), c.id, project(dir)))
	require.Empty(t, c.sh("umount /added"))
	require.NoError(t, c.b.RemoveMount(t.Context(), c.id, "/added"))
	require.NoError(t, c.b.AddMount(t.Context(), c.id, project(dir)))
	require.Empty(t, c.sh("mount -t tmpfs cover /added"))
	require.NoError(t, c.b.RemoveMount(t.Context(), c.id, "/added"))
	require.Empty(t, mountLines(t, strconv.Itoa(c.info().PID), " /added "))
	m := project(dir)
	m.Target = "/deep/added"
	require.NoError(t, c.b.AddMount(t.Context(), c.id, m))
	require.Empty(t, c.sh("mount -t tmpfs cover /deep && mkdir /deep/added"))
	require.ErrorIs(t, c.b.RemoveMount(t.Context(), c.id, "/deep/added"), vzcontract.ErrConflict)
	require.Equal(t, []string{"/deep/added"}, c.targets())
	require.Empty(t, c.sh("umount /deep"))
	require.NoError(t, c.b.RemoveMount(t.Context(), c.id, "/deep/added"))
}

// BenchmarkAddMount measures what it takes to give a running container a directory, and
// to take it away again.
func BenchmarkAddMount(b *testing.B) {
	testreq.Root(b)
	self, err := os.Executable()
	require.NoError(b, err)
	backend, err := vzlinuxnative.Open(vzlinuxnative.Options{Home: b.TempDir(), Run: b.TempDir(), Monitor: []string{self, "internal", "monitor"}})
	require.NoError(b, err)
	info, err := backend.Create(b.Context(), vzcontract.RunConfig{Rootfs: b.TempDir(), Idle: true, NetworkMode: "none"})
	require.NoError(b, err)
	b.Cleanup(func() {
		require.NoError(b, backend.Remove(context.Background(), info.ID, vzcontract.RemoveOptions{Force: true}))
	})
	_, err = backend.Start(b.Context(), info.ID, vzcontract.StartOptions{})
	require.NoError(b, err)
	dir := b.TempDir()
	var adding, removing time.Duration
	for b.Loop() {
		begin := time.Now()
		require.NoError(b, backend.AddMount(b.Context(), info.ID, project(dir)))
		added := time.Now()
		require.NoError(b, backend.RemoveMount(b.Context(), info.ID, "/added"))
		adding, removing = adding+added.Sub(begin), removing+time.Since(added)
	}
	b.ReportMetric(float64(adding.Microseconds())/float64(b.N), "µs/add")
	b.ReportMetric(float64(removing.Microseconds())/float64(b.N), "µs/remove")
}
