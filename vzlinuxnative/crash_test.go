//go:build linux

package vzlinuxnative_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
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
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/fault"
	"vz.internal/vzlinuxnative/internal/process"
	"vz.internal/vzlinuxnative/internal/testreq"
)

// home is where a test's containers are, for several backends in turn.
type home struct{ dir, run string }

func newHome(t *testing.T) home {
	t.Helper()
	testreq.Root(t)
	return home{t.TempDir(), t.TempDir()}
}

func (h home) open(t *testing.T) *vzlinuxnative.Backend {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	b, err := vzlinuxnative.Open(vzlinuxnative.Options{Home: h.dir, Run: h.run, Monitor: []string{self, "internal", "monitor"}})
	require.NoError(t, err)
	return b
}

// The client of a crash test is this test program again: it goes through the
// life of one container and dies at the step that the environment names.
const (
	lifeVariable = "VZ_TEST_LIFE"
	lifeName     = "mortal"
	secondName   = "renamed"
)

// life is create, start, stop and remove, or as far as the step says; checkpoints on the
// way if it is one of theirs.
func life(homeDir, runDir, root string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b, err := vzlinuxnative.Open(vzlinuxnative.Options{Home: homeDir, Run: runDir, Monitor: []string{self, "internal", "monitor"}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	goes := strings.HasPrefix(os.Getenv(fault.Variable), "autoremove.")
	_, err = b.Create(ctx, vzcontract.RunConfig{
		Name: lifeName, Rootfs: root, Args: []string{"sleep", "1000"}, NetworkMode: os.Getenv("VZ_TEST_NETWORK"), AutoRemove: goes,
		Mounts: []vzcontract.Mount{{Type: vzcontract.MountVolume, Target: "/data"}},
	})
	if err != nil {
		return err
	}
	if strings.HasPrefix(os.Getenv(fault.Variable), "rename.") {
		return b.Rename(ctx, lifeName, secondName)
	}
	if step, _, _ := strings.Cut(os.Getenv(fault.Variable), "="); slices.Contains(checkpointSteps, step) {
		if err := b.Checkpoint(ctx, lifeName, "one", vzcontract.CheckpointFiles); err != nil {
			return err
		}
		_, err := b.Fork(ctx, lifeName, "one", secondName)
		return errors.Join(err, b.Restore(ctx, lifeName, "one"))
	}
	if _, err := b.Start(ctx, lifeName, vzcontract.StartOptions{}); err != nil {
		return err
	}
	if goes {
		if err := b.Kill(ctx, lifeName, "KILL"); err != nil {
			return err
		}
		_, err := b.Wait(ctx, lifeName, vzcontract.WaitNotRunning)
		return errors.Join(err, awaitMonitorLock(homeDir))
	}
	none := time.Duration(0)
	if err := b.Stop(ctx, lifeName, vzcontract.StopOptions{Grace: &none}); err != nil {
		return err
	}
	return b.Remove(ctx, lifeName, vzcontract.RemoveOptions{Volumes: true})
}

// awaitMonitorLock returns when the only container's monitor has ended.
func awaitMonitorLock(homeDir string) error {
	locks, err := filepath.Glob(filepath.Join(homeDir, "containers", "*", "monitor.lock"))
	for _, lock := range locks {
		f, err := os.Open(lock)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		defer f.Close()
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
			return err
		}
	}
	return err
}

var checkpointSteps = []string{"checkpoint.copied", "create.files", "restore.copied", "restore.exchanged"}

// steps are the fault points on the way of life.
var steps = append(slices.Clone(checkpointSteps),
	"create.directory", "create.name", "create.state", "create.config", "create.prepared",
	"rename.taken", "rename.written",
	"start.locked", "start.spawned", "start.begun", "start.mounted", "start.reserved", "start.created", "start.connected",
	"start.executed", "start.running",
	"stop.reaped", "stop.drained", "stop.recorded", "stop.destroyed", "stop.clear", "stop.idle",
	"autoremove.begin", "autoremove.root", "autoremove.record",
	"rm.locked", "rm.cleaned", "rm.root", "rm.config", "rm.name", "rm.record",
)

// TestKilledAtEachStep kills whoever is at a step of a container's life with
// SIGKILL. Afterwards the list tells the truth, a forced removal succeeds, and
// nothing is left.
func TestKilledAtEachStep(t *testing.T) {
	testreq.Root(t)
	root := conformance.BusyboxRoot(t, busybox(t))
	for _, network := range []string{"none", "bridge"} {
		for _, step := range steps {
			if network == "bridge" && !strings.HasPrefix(step, "start.") && !strings.HasPrefix(step, "stop.") {
				continue
			}
			t.Run(network+"/"+step, func(t *testing.T) {
				h := newHome(t)
				before := leftovers(t, h)
				mark := filepath.Join(t.TempDir(), "mark")
				cmd := exec.CommandContext(t.Context(), os.Args[0])
				cmd.Env = append(os.Environ(), lifeVariable+"="+strings.Join([]string{h.dir, h.run, root}, ":"),
					fault.Variable+"="+step+"="+mark, "VZ_TEST_NETWORK="+network)
				// Where the monitor died at the end, its client copes.
				out, err := cmd.CombinedOutput()
				require.True(t, err != nil || strings.HasPrefix(step, "stop.") || strings.HasPrefix(step, "auto"), "nobody minded a death at %s: %s", step, out)
				// A monitor that has given up its lock may come to the step after its client's end.
				require.Eventually(t, func() bool { _, err := os.Stat(mark); return err == nil }, 10*time.Second, time.Millisecond,
					"nobody was at step %s: %s", step, out)
				afterCrash(t, h, step)
				// A monitor that nobody needs any more ends by itself.
				require.EventuallyWithT(t, func(c *assert.CollectT) {
					assert.Equal(c, before, leftovers(t, h))
				}, 10*time.Second, 10*time.Millisecond, "left after a crash at %s", step)
			})
		}
	}
}

// afterCrash looks at what a crash left, and removes it.
func afterCrash(t *testing.T, h home, step string) {
	t.Helper()
	b := h.open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	list, err := b.List(ctx)
	require.NoError(t, err)
	for _, c := range list {
		switch c.State {
		case vzcontract.StateRunning:
			if len(processesOf(t, c.ID)) == 0 { // it had not begun, and has missed its monitor since
				now, err := b.Inspect(ctx, c.ID)
				require.NoError(t, err)
				require.NotEqual(t, vzcontract.StateRunning, now.State, "%s is said to run", c.Name)
				break
			}
			require.True(t, c.Orphaned || monitorOf(t, h, c.ID) > 0, "it has no monitor, and is no orphan")
		default:
			// One that had not begun ends when it misses its monitor.
			require.Eventually(t, func() bool { return len(processesOf(t, c.ID)) == 0 }, 10*time.Second, time.Millisecond,
				"%s is said to be %s", c.Name, c.State)
		}
		require.NotZero(t, c.CreatedAt)
		if c.Exit != nil && c.Exit.Unknown {
			require.Equal(t, 255, c.Exit.Code)
		}
	}
	for _, c := range list {
		require.Contains(t, []string{lifeName, secondName}, c.Name)
		require.NoError(t, b.Remove(ctx, c.Name, vzcontract.RemoveOptions{Force: true, Volumes: true}))
	}
	err = b.Remove(ctx, lifeName, vzcontract.RemoveOptions{Force: true, Volumes: true})
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	// What was cut short before it was a container, the repair finds.
	_, err = b.Repair(ctx)
	require.NoError(t, err)
	_, err = b.PruneVolumes(ctx, true)
	require.NoError(t, err)
	list, err = b.List(ctx)
	require.NoError(t, err)
	require.Empty(t, list)
	// The names are free again.
	for _, name := range []string{lifeName, secondName} {
		again, err := b.Create(ctx, vzcontract.RunConfig{Name: name, Rootfs: "/", Args: []string{"true"}, NetworkMode: "none"})
		require.NoError(t, err, step)
		require.NoError(t, b.Remove(ctx, again.ID, vzcontract.RemoveOptions{}))
	}
}

// processesOf returns the pids in a container's cgroups, or without such in its root.
func processesOf(t *testing.T, id string) []string {
	t.Helper()
	if cgroup.Denied() != "" {
		inside, err := process.Inside(id)
		require.NoError(t, err)
		return strings.Fields(strings.Trim(fmt.Sprint(inside), "[]"))
	}
	files, err := filepath.Glob("/sys/fs/cgroup/*/vz/" + id + "/cgroup.procs")
	require.NoError(t, err)
	two, err := filepath.Glob("/sys/fs/cgroup/vz/" + id + "/cgroup.procs")
	require.NoError(t, err)
	var pids []string
	for _, f := range append(files, two...) {
		data, err := os.ReadFile(f)
		if err == nil {
			pids = append(pids, strings.Fields(string(data))...)
		}
	}
	return pids
}

// monitorOf returns the pid of a living monitor.
func monitorOf(t *testing.T, h home, id string) int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(h.dir, "containers", id, "monitor.lock"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || unix.Kill(pid, 0) != nil {
		return 0
	}
	return pid
}

// leftovers lists files of the homes that belong to a container, and cgroups,
// mounts and processes that name them.
func leftovers(t *testing.T, h home) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, dir := range []string{h.dir + "/containers", h.dir + "/names", h.run + "/containers", h.dir + "/volumes"} {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		require.NoError(t, err)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), ".") {
				found["files"] = append(found["files"], filepath.Join(dir, e.Name()))
			}
		}
	}
	aliases, err := filepath.Glob("/sys/class/net/*/ifalias")
	require.NoError(t, err)
	mark := sha256.Sum256([]byte(h.dir + "/networks"))
	for _, file := range aliases {
		alias, err := os.ReadFile(file)
		if err == nil && strings.HasPrefix(string(alias), "vz:"+hex.EncodeToString(mark[:6])) { // else another's, or gone
			found["interfaces"] = append(found["interfaces"], filepath.Base(filepath.Dir(file)))
		}
	}
	for _, p := range conformance.HostProbes(func(line string) bool { return strings.Contains(line, h.dir) }) {
		lines, err := p.Take()
		require.NoError(t, err)
		if len(lines) > 0 {
			found[p.Name] = lines
		}
	}
	return found
}

// TestMonitorKilled kills the monitor of a running container with SIGKILL.
func TestMonitorKilled(t *testing.T) {
	root := conformance.BusyboxRoot(t, busybox(t))
	orphan := func(t *testing.T, args ...string) (*vzlinuxnative.Backend, home, vzcontract.ContainerInfo) {
		t.Helper()
		h := newHome(t)
		b := h.open(t)
		info, err := b.Create(t.Context(), vzcontract.RunConfig{Rootfs: root, Args: args, NetworkMode: "bridge"})
		require.NoError(t, err)
		t.Cleanup(func() {
			err := b.Remove(context.Background(), info.ID, vzcontract.RemoveOptions{Force: true})
			if !errors.Is(err, vzcontract.ErrNotFound) {
				require.NoError(t, err)
			}
		})
		_, err = b.Start(t.Context(), info.ID, vzcontract.StartOptions{})
		require.NoError(t, err)
		pid := monitorOf(t, h, info.ID)
		require.Positive(t, pid)
		fd, err := unix.PidfdOpen(pid, 0)
		require.NoError(t, err)
		defer unix.Close(fd)
		require.NoError(t, unix.Kill(pid, unix.SIGKILL))
		_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		require.NoError(t, err)
		info, err = b.Inspect(t.Context(), info.ID)
		require.NoError(t, err)
		require.Equal(t, vzcontract.StateRunning, info.State)
		require.True(t, info.Orphaned)
		return b, h, info
	}
	t.Run("stop", func(t *testing.T) {
		b, _, info := orphan(t, "sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.01; done")
		require.NoError(t, b.Stop(t.Context(), info.ID, vzcontract.StopOptions{}))
		info, err := b.Inspect(t.Context(), info.ID)
		require.NoError(t, err)
		require.Equal(t, vzcontract.StateStopped, info.State)
		require.Equal(t, &vzcontract.ExitStatus{Code: 255, Unknown: true}, info.Exit)
		require.Empty(t, processesOf(t, info.ID))
		require.NoError(t, b.Remove(t.Context(), info.ID, vzcontract.RemoveOptions{}))
	})
	t.Run("kill and wait", func(t *testing.T) {
		b, _, info := orphan(t, "sleep", "1000")
		exits := make(chan vzcontract.ExitStatus, 1)
		go func() {
			exit, err := b.Wait(t.Context(), info.ID, vzcontract.WaitNotRunning)
			if err != nil {
				t.Error(err)
			}
			exits <- exit
		}()
		require.NoError(t, b.Kill(t.Context(), info.ID, "KILL"))
		require.True(t, (<-exits).Unknown)
	})
	t.Run("ends by itself", func(t *testing.T) {
		b, _, info := orphan(t, "sleep", "1000")
		require.NoError(t, unix.Kill(info.PID, unix.SIGKILL))
		exit, err := b.Wait(t.Context(), info.ID, vzcontract.WaitNotRunning)
		require.NoError(t, err)
		require.True(t, exit.Unknown)
		_, err = b.Start(t.Context(), info.ID, vzcontract.StartOptions{})
		require.NoError(t, err, "it cannot be started again")
	})
	t.Run("forced removal", func(t *testing.T) {
		b, h, info := orphan(t, "sleep", "1000")
		require.NoError(t, b.Remove(t.Context(), info.ID, vzcontract.RemoveOptions{Force: true}))
		require.Empty(t, leftovers(t, h))
	})
	t.Run("refusals", func(t *testing.T) {
		b, _, info := orphan(t, "sleep", "1000")
		_, err := b.Attach(t.Context(), info.ID, vzcontract.AttachOptions{})
		require.ErrorIs(t, err, vzcontract.ErrConflict)
		_, err = b.Exec(t.Context(), info.ID, vzcontract.ExecConfig{Args: []string{"true"}})
		require.ErrorIs(t, err, vzcontract.ErrConflict)
		require.ErrorIs(t, b.Remove(t.Context(), info.ID, vzcontract.RemoveOptions{}), vzcontract.ErrConflict)
		if cgroup.Denied() == "" {
			require.NoError(t, b.Pause(t.Context(), info.ID))
		}
		require.NoError(t, b.Stop(t.Context(), info.ID, vzcontract.StopOptions{Grace: new(time.Duration)}))
	})
}
