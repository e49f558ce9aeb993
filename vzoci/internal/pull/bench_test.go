//go:build linux

package pull

import (
	"context"
	"io"
	"os"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzoci/internal/registry"
	"vz.internal/vzoci/reference"
)

// BenchmarkPull pulls $VZ_BENCH_IMAGE into a fresh directory below
// $VZ_BENCH_DIR. With VZ_BENCH_UNPACK=no archives are read and dropped.
func BenchmarkPull(b *testing.B) {
	image := os.Getenv("VZ_BENCH_IMAGE")
	if image == "" {
		b.Skip("requires VZ_BENCH_IMAGE, an image in a registry that is near")
	}
	ref, err := reference.Parse(image)
	if err != nil {
		b.Fatal(err)
	}
	c, err := registry.New(registry.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	var size int64 // of all archives
	unpack := func(ctx context.Context, dir string, r io.Reader, lowers []v1.Hash) (int64, error) {
		return applyLayer(ctx, dir, &counter{r, &size}, lowers)
	}
	if os.Getenv("VZ_BENCH_UNPACK") == "no" {
		unpack = func(_ context.Context, _ string, r io.Reader, _ []v1.Hash) (int64, error) {
			return io.Copy(io.Discard, &counter{r, &size})
		}
	}
	for b.Loop() {
		atomic.StoreInt64(&size, 0)
		b.StopTimer()
		dir, err := os.MkdirTemp(os.Getenv("VZ_BENCH_DIR"), "vz-bench-*")
		if err != nil {
			b.Fatal(err)
		}
		store := newDirStoreIn(b, dir)
		b.StartTimer()
		if _, err := Pull(b.Context(), store, unpack, Request{Repository: c.Repository(ref), Locator: ref.Locator()}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.SetBytes(size)
}

// counter adds up what is read.
type counter struct {
	io.Reader
	n *int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	atomic.AddInt64(c.n, int64(n))
	return n, err
}
