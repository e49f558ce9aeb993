//go:build linux

package vzlinuxnative_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
)

// TestCheckpointHides: what hides files of the image, a deletion or a directory in the
// place of another one, does so after a restore and in a fork.
func TestCheckpointHides(t *testing.T) {
	h := newHome(t)
	b := h.open(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const script = "ls /etc /root; rm -rf /root /etc/passwd; mkdir /root; echo mine > /root/mine; ls -d /etc/passwd"
	root := conformance.BusyboxRoot(t, busybox(t))
	require.NoError(t, os.WriteFile(filepath.Join(root, "root", "theirs"), nil, 0o644))
	info, err := b.Create(ctx, vzcontract.RunConfig{
		Name: "first", Rootfs: root, Args: []string{"sh", "-c", script}, NetworkMode: "none",
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Remove(context.Background(), info.ID, vzcontract.RemoveOptions{Force: true}) })
	run := func(container string) string {
		t.Helper()
		var out bytes.Buffer
		a, err := b.Start(ctx, container, vzcontract.StartOptions{Attach: &vzcontract.AttachOptions{Stdio: vzcontract.Stdio{Out: &out}}})
		require.NoError(t, err)
		_, err = a.Wait(ctx)
		require.NoError(t, err)
		return out.String()
	}
	out := run("first")
	require.Contains(t, out, "passwd")
	require.Contains(t, out, "theirs")
	require.NoError(t, b.Checkpoint(ctx, "first", "one", vzcontract.CheckpointFiles))
	want, err := b.Diff(ctx, "first")
	require.NoError(t, err)

	require.NoError(t, b.Restore(ctx, "first", "one"))
	got, err := b.Diff(ctx, "first")
	require.NoError(t, err)
	require.Equal(t, want, got)
	fork, err := b.Fork(ctx, "first", "one", "second")
	require.NoError(t, err)
	t.Cleanup(func() { _ = b.Remove(context.Background(), fork.ID, vzcontract.RemoveOptions{Force: true}) })
	for _, container := range []string{"first", "second"} {
		out = run(container)
		require.NotContains(t, out, "passwd", container)
		require.Contains(t, out, "/root:\nmine\n", container)
	}
}
