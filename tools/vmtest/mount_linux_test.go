package vmtest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

// TestAddedMountAfterKill: what a container got after it was made is there again when its
// machine was killed. If the host has it no more the machine boots all the same, and the
// container's start tells of it until the mount is removed.
func TestAddedMountAfterKill(t *testing.T) {
	k := keep(t)
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "project")
	m := vzcontract.Mount{Type: vzcontract.MountBind, Source: dir, Target: "/added", CreateSource: true}
	begin := time.Now()
	require.NoError(t, k.AddMount(ctx, k.id, m))
	t.Logf("a mount in a machine that runs took %v", time.Since(begin))
	k.in(t, k.id, "echo one > /added/f")
	k.killMachine(t)
	k.start(t, k.id)
	require.Equal(t, "one\n", k.in(t, k.id, "cat /added/f"))
	require.NoError(t, k.RemoveMount(ctx, k.id, "/added"))
	require.NoError(t, k.AddMount(ctx, k.id, m))
	k.killMachine(t)
	require.NoError(t, os.RemoveAll(dir))
	_, err := k.Start(ctx, k.id, vzcontract.StartOptions{})
	require.Error(t, err)
	require.NoError(t, k.RemoveMount(ctx, k.id, "/added"))
	k.start(t, k.id)
	info, err := k.Inspect(ctx, k.id)
	require.NoError(t, err)
	require.Empty(t, info.Mounts)
	require.Empty(t, info.Config.Mounts)
	require.NoError(t, k.Remove(ctx, k.id, vzcontract.RemoveOptions{Force: true}))
}
