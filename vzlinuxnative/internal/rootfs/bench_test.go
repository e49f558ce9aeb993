//go:build linux

package rootfs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzlinuxnative/internal/testreq"
)

// BenchmarkMount mounts a container's new root, writes to it and unmounts it.
func BenchmarkMount(b *testing.B) {
	testreq.Root(b)
	for _, part := range []string{"mount", "unmount"} {
		for _, volatile := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/volatile=%v", part, volatile), func(b *testing.B) {
				lower := threeLayers(b)
				base := b.TempDir()
				for i := range b.N {
					b.StopTimer()
					o := Options{Layers: lower, Dir: filepath.Join(base, fmt.Sprint(i)), Volatile: volatile}
					require.NoError(b, os.Mkdir(o.Dir, 0o755))
					if part == "mount" {
						b.StartTimer()
					}
					root, err := Mount(o)
					b.StopTimer()
					require.NoError(b, err)
					require.NoError(b, os.WriteFile(filepath.Join(root.Path, "mark"), make([]byte, 64<<10), 0o600))
					if part == "unmount" {
						b.StartTimer()
					}
					err = Unmount(o.Dir)
					b.StopTimer()
					require.NoError(b, err)
					require.NoError(b, Remove(o.Dir))
					b.StartTimer()
				}
			})
		}
	}
}

func BenchmarkOpenReadOnly(b *testing.B) {
	testreq.Root(b)
	o := Options{Layers: threeLayers(b), Dir: b.TempDir(), ReadOnly: true}
	for b.Loop() {
		f, err := Open(o)
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
