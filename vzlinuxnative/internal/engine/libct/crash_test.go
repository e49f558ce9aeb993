//go:build linux

package libct

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/engine/enginetest"
	"vz.internal/vzlinuxnative/internal/testreq"
)

// TestCleanup removes a container as if its engine's process had died.
func TestCleanup(t *testing.T) {
	testreq.Root(t)
	spec := enginetest.Spec(enginetest.Root(t), "sh", "-c", "trap '' TERM; sleep 1000 & wait")
	spec.Linux.CgroupsPath = "/vztest/cleanup"
	state := t.TempDir()
	c, err := New().Create(t.Context(), engine.CreateRequest{ID: "cleanup", Spec: spec, StateDir: state})
	require.NoError(t, err)
	require.NoError(t, c.Start(t.Context()))
	// What a crash in the middle of Create leaves.
	pin := filepath.Join(state, "sources", "0")
	require.NoError(t, os.MkdirAll(pin, 0o700))
	require.NoError(t, unix.Mount("tmpfs", pin, "tmpfs", 0, ""))

	for range 2 {
		require.NoError(t, New().Cleanup(t.Context(), "cleanup", state, spec.Linux.CgroupsPath))
	}
	ws, err := c.Wait()
	require.NoError(t, err)
	require.Equal(t, unix.SIGKILL, ws.Signal())
	group, err := cgroup.At(spec.Linux.CgroupsPath)
	require.NoError(t, err)
	require.False(t, group.Exists())
	left, err := os.ReadDir(state)
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestConflict makes a container twice.
func TestConflict(t *testing.T) {
	testreq.Root(t)
	spec := enginetest.Spec(enginetest.Root(t), "true")
	spec.Linux.CgroupsPath = "/vztest/conflict"
	req := engine.CreateRequest{ID: "conflict", Spec: spec, StateDir: t.TempDir()}
	c, err := New().Create(t.Context(), req)
	require.NoError(t, err)
	_, err = New().Create(t.Context(), req)
	require.ErrorContains(t, err, "exists already")
	require.NoError(t, c.Start(t.Context()), "the first one is untouched")
	require.NoError(t, c.Destroy(t.Context()))
}
