//go:build linux

package cgroup

import (
	"bufio"
	"context"
	"crypto/rand"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/testreq"
)

// newGroup makes a cgroup that is removed when the test ends.
func newGroup(t *testing.T) *Group {
	t.Helper()
	testreq.Root(t)
	g, err := At("/vztest/" + strings.ToLower(rand.Text()[:12]))
	require.NoError(t, err)
	cfg, err := Config(g.Path())
	require.NoError(t, err)
	cfg.Resources = &cgroups.Resources{}
	maker, err := manager.New(cfg)
	require.NoError(t, err)
	require.NoError(t, maker.Apply(-1))
	t.Cleanup(func() {
		require.NoError(t, g.Remove())
		require.False(t, g.Exists())
	})
	return g
}

// spawn runs a shell script in the group. It has joined when spawn returns.
func spawn(t *testing.T, g *Group, script string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "read go; "+script)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	require.NoError(t, g.manager.AddPid("", cmd.Process.Pid))
	_, err = io.WriteString(in, "go\n")
	require.NoError(t, err)
	return cmd, bufio.NewReader(out)
}

func TestOpen(t *testing.T) {
	testreq.Root(t)
	_, err := Open("/vztest/none")
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	_, err = Open("")
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	for _, path := range []string{"vz/a", "/", "/vz/../a", "/vz/"} {
		_, err := Open(path)
		require.ErrorIs(t, err, vzcontract.ErrValidation, path)
	}
	g := newGroup(t)
	again, err := Open(g.Path())
	require.NoError(t, err)
	pids, err := again.PIDs()
	require.NoError(t, err)
	require.Empty(t, pids)
}

func TestSliceOf(t *testing.T) {
	for path, want := range map[string]string{
		"/vz/a": "system.slice", "/machine.slice/vz/a": "machine.slice", "/user.slice/a": "user.slice",
	} {
		got, err := sliceOf(path)
		require.NoError(t, err)
		require.Equal(t, want, got, path)
	}
	_, err := sliceOf("/parent/vz/a")
	require.ErrorContains(t, err, "must be a slice")
}

func TestStats(t *testing.T) {
	g := newGroup(t)
	cmd, out := spawn(t, g, "sleep 1000 & echo ready; wait")
	_, err := out.ReadString('\n')
	require.NoError(t, err)
	pids, err := g.PIDs()
	require.NoError(t, err)
	require.Len(t, pids, 2)
	require.Contains(t, pids, cmd.Process.Pid)
	if !slices.Contains(Controllers(), "memory") {
		return
	}
	s, err := g.Stats()
	require.NoError(t, err)
	require.Equal(t, uint64(2), s.PIDs)
	require.Positive(t, s.Memory)
	require.Positive(t, s.CPU)
	require.Positive(t, s.OnlineCPUs)
	require.Equal(t, hostMemory(), s.MemoryLimit, "no limit is the host's memory")
	require.Zero(t, s.OOMKills)
}

func TestUsedMemory(t *testing.T) {
	m := cgroups.MemoryStats{Usage: cgroups.MemoryData{Usage: 100}, Stats: map[string]uint64{"inactive_file": 30}}
	require.Equal(t, uint64(70), usedMemory(m))
	m.Stats["total_inactive_file"] = 40
	require.Equal(t, uint64(60), usedMemory(m), "version 1 counts the groups below")
	m.Stats["total_inactive_file"] = 400
	require.Equal(t, uint64(100), usedMemory(m))
}

func TestUpdate(t *testing.T) {
	g := newGroup(t)
	if !slices.Contains(Controllers(), "memory") {
		t.Skip("needs the memory controller")
	}
	require.NoError(t, g.Update(vzcontract.Resources{Memory: 64 << 20, MemorySwap: 128 << 20, PidsLimit: 7, CPUShares: 512}))
	require.NoError(t, g.Update(vzcontract.Resources{NanoCPUs: 5e8}), "the rest stays")
	s, err := g.Stats()
	require.NoError(t, err)
	require.Equal(t, uint64(64<<20), s.MemoryLimit)
	require.Equal(t, uint64(7), s.PIDsLimit)
	require.NoError(t, g.Update(vzcontract.Resources{PidsLimit: -1}))
	require.ErrorIs(t, g.Update(vzcontract.Resources{CpusetCPUs: "99999"}), vzcontract.ErrValidation)
	require.ErrorIs(t, g.Update(vzcontract.Resources{Memory: 1}), vzcontract.ErrValidation)
	if HostMode() != V2 {
		require.ErrorContains(t, g.Update(vzcontract.Resources{Memory: 256 << 20}), "set memory swap too")
	}
	require.NoError(t, g.Remove())
	require.ErrorIs(t, g.Update(vzcontract.Resources{CPUShares: 3}), vzcontract.ErrNotFound)
}

func TestFreezeAndKill(t *testing.T) {
	g := newGroup(t)
	// One that has left session and parent, and one that ignores signals.
	cmd, out := spawn(t, g, "trap '' TERM INT HUP; setsid sleep 1000 & echo ready; wait")
	_, err := out.ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, g.Freeze())
	frozen, err := g.Frozen()
	require.NoError(t, err)
	require.True(t, frozen)
	other, err := Open(g.Path())
	require.NoError(t, err)
	require.NoError(t, other.Kill(), "a frozen group is thawed to die")
	require.Equal(t, unix.SIGKILL, waitSignal(t, cmd))
	pids, err := g.PIDs()
	require.NoError(t, err)
	require.Empty(t, pids)
	require.NoError(t, g.Freeze())
	require.NoError(t, g.Thaw())
}

func waitSignal(t *testing.T, cmd *exec.Cmd) unix.Signal {
	t.Helper()
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	return unix.Signal(exit.Sys().(interface{ Signal() unix.Signal }).Signal())
}

func TestSub(t *testing.T) {
	g := newGroup(t)
	keep, out := spawn(t, g, "echo ready; sleep 1000")
	_, err := out.ReadString('\n')
	require.NoError(t, err)
	_, err = g.NewSub("../one")
	require.ErrorIs(t, err, vzcontract.ErrValidation)
	sub, err := g.NewSub("one")
	require.NoError(t, err)
	cmd := exec.Command("sleep", "1000")
	require.NoError(t, cmd.Start())
	require.NoError(t, g.manager.AddPid("", cmd.Process.Pid))
	require.NoError(t, sub.Join(cmd.Process.Pid))
	require.NoError(t, sub.Kill())
	require.Equal(t, unix.SIGKILL, waitSignal(t, cmd))
	sub.Remove()
	require.NoDirExists(t, sub.dir)
	require.NoError(t, unix.Kill(keep.Process.Pid, 0), "the rest of the group lives")
	require.NoError(t, sub.Kill(), "a group that is gone")
}

func TestWatchOOM(t *testing.T) {
	g := newGroup(t)
	if !slices.Contains(Controllers(), "memory") {
		t.Skip("needs the memory controller")
	}
	require.NoError(t, g.Update(vzcontract.Resources{Memory: 8 << 20}))
	seen := make(chan uint64, 8)
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- g.WatchOOM(ctx, func(n uint64) { seen <- n }) }()
	cmd, _ := spawn(t, g, "exec tail /dev/zero")
	require.Equal(t, unix.SIGKILL, waitSignal(t, cmd))
	<-seen
	n, err := g.OOMKills()
	require.NoError(t, err)
	require.Positive(t, n)
	cancel()
	require.NoError(t, <-done)
}

func TestWatchOOMEndsWithTheGroup(t *testing.T) {
	g := newGroup(t)
	if !slices.Contains(Controllers(), "memory") {
		t.Skip("needs the memory controller")
	}
	done := make(chan error, 1)
	go func() { done <- g.WatchOOM(context.Background(), func(uint64) {}) }()
	require.NoError(t, g.Remove())
	require.NoError(t, <-done)
}

func TestHost(t *testing.T) {
	require.Contains(t, []Mode{V1, V2, Hybrid}, HostMode())
	require.Contains(t, []string{"systemd", "cgroupfs"}, Driver())
	if _, err := os.Stat("/sys/fs/cgroup/memory/memory.limit_in_bytes"); err == nil {
		require.Contains(t, Controllers(), "memory")
	}
}
