package vzoci

import (
	"os"
	"testing"

	"vz.internal/vzcontract"
)

// BenchmarkPull pulls $VZ_BENCH_IMAGE, in a registry that is near, into a fresh
// store below $VZ_BENCH_DIR: download, unpacking, sync, reference. The rate is of
// unpacked bytes.
func BenchmarkPull(b *testing.B) {
	image := os.Getenv("VZ_BENCH_IMAGE")
	if image == "" {
		b.Skip("requires VZ_BENCH_IMAGE, an image in a registry that is near")
	}
	for b.Loop() {
		b.StopTimer()
		dir, err := os.MkdirTemp(os.Getenv("VZ_BENCH_DIR"), "vz-bench-*")
		if err != nil {
			b.Fatal(err)
		}
		s := open(b, dir)
		b.StartTimer()
		info, err := s.PullImage(b.Context(), image, vzcontract.PullOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		b.SetBytes(info.Size)
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
