package vzcore_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcore"
)

func TestCopyDisk(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	f, err := os.Create(from)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(1<<40)) // far more than could be copied byte by byte
	_, err = f.WriteAt([]byte("data"), 1<<39)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to+".new", []byte("of one that was killed"), 0o600))
	require.NoError(t, vzcore.CopyDisk(t.Context(), to, from))

	_, err = f.WriteAt([]byte("DATA"), 1<<39)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	got, err := os.Open(to)
	require.NoError(t, err)
	defer got.Close()
	info, err := got.Stat()
	require.NoError(t, err)
	require.Equal(t, int64(1<<40), info.Size())
	data := make([]byte, 5)
	_, err = got.ReadAt(data, 1<<39-1)
	require.NoError(t, err)
	require.Equal(t, "\x00data"[:5], string(data), "what it was when it was copied")

	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 2)
}

func TestCopyDiskLeavesNoHalf(t *testing.T) {
	dir := t.TempDir()
	to := filepath.Join(dir, "to")
	require.ErrorIs(t, vzcore.CopyDisk(t.Context(), to, filepath.Join(dir, "from")), os.ErrNotExist)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "from"), []byte("data"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, vzcore.CopyDisk(ctx, to, filepath.Join(dir, "from")), context.Canceled)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
}
