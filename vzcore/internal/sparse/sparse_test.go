package sparse_test

import (
	"bytes"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcore/internal/sparse"
)

// file makes a file of size bytes with some content at each place.
func file(t testing.TB, size int64, places ...int64) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	require.NoError(t, f.Truncate(size))
	random := rand.New(rand.NewPCG(1, uint64(size)))
	for _, at := range places {
		data := make([]byte, min(1+random.Int64N(600<<10), size-at))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		_, err := f.WriteAt(data, at)
		require.NoError(t, err)
	}
	return f
}

var files = []struct {
	name   string
	size   int64
	places []int64
}{
	{"empty", 0, nil},
	{"a byte", 1, []int64{0}},
	{"one hole", 5 << 20, nil},
	{"hole first", 8<<20 + 17, []int64{4<<20 + 5}},
	{"hole last", 8<<20 + 17, []int64{0}},
	{"holes between", 64 << 20, []int64{0, 3 << 20, 40<<20 + 4096, 64<<20 - 3}},
}

func TestChecksumIsThatOfAllBytes(t *testing.T) {
	for _, tt := range files {
		t.Run(tt.name, func(t *testing.T) {
			f := file(t, tt.size, tt.places...)
			all, err := os.ReadFile(f.Name())
			require.NoError(t, err)
			size, sum, err := sparse.Checksum(f)
			require.NoError(t, err)
			require.Equal(t, tt.size, size)
			require.Equal(t, crc32.Checksum(all, crc32.MakeTable(crc32.Castagnoli)), sum)
		})
	}
}

func TestCopy(t *testing.T) {
	for _, tt := range files {
		t.Run(tt.name, func(t *testing.T) {
			from, to := file(t, tt.size, tt.places...), file(t, 0)
			require.NoError(t, sparse.Copy(to, from))
			want, err := os.ReadFile(from.Name())
			require.NoError(t, err)
			got, err := os.ReadFile(to.Name())
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got))
		})
	}
}
