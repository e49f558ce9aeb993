package sparse_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcore/internal/sparse"
)

// TestCopyMakesHoles: a page that somebody has cleared takes no space in the copy.
func TestCopyMakesHoles(t *testing.T) {
	from, to := file(t, 0), file(t, 0)
	data := make([]byte, 4<<20)
	data[3<<20] = 1
	_, err := from.Write(data)
	require.NoError(t, err)
	require.NoError(t, sparse.Copy(to, from))
	require.NoError(t, to.Sync())
	require.NoError(t, from.Sync())
	require.Less(t, blocks(t, to), blocks(t, from)/4)
}

// blocks returns how much space a file takes.
func blocks(t *testing.T, f *os.File) int64 {
	t.Helper()
	info, err := f.Stat()
	require.NoError(t, err)
	return info.Sys().(*syscall.Stat_t).Blocks
}
