//go:build linux

package pull

import (
	"archive/tar"
	"context"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

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
		return extract(ctx, dir, &counter{r, &size}, lowers)
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

// extract does the least that unpacking takes: contents, owners, modes, times.
func extract(_ context.Context, dir string, r io.Reader, _ []v1.Hash) (size int64, err error) {
	tr := tar.NewReader(r)
	buf := make([]byte, 256<<10)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return 0, err
		}
		name := filepath.Join(dir, h.Name)
		if _, err := os.Lstat(filepath.Dir(name)); err != nil {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				return 0, err
			}
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(name, 0o755)
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, name)
		case tar.TypeLink:
			err = os.Link(filepath.Join(dir, h.Linkname), name)
		case tar.TypeReg:
			err = writeFile(name, h, tr, buf)
		default:
			continue
		}
		if err != nil {
			return 0, err
		}
		if err := unix.Lchown(name, h.Uid, h.Gid); err != nil {
			return 0, err
		}
		size += h.Size
	}
}

func writeFile(name string, h *tar.Header, r io.Reader, buf []byte) error {
	fd, err := unix.Open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, uint32(h.Mode&0o777))
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := unix.Write(fd, buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			ts := unix.NsecToTimespec(h.ModTime.UnixNano())
			return unix.UtimesNanoAt(fd, "", []unix.Timespec{ts, ts}, unix.AT_EMPTY_PATH)
		}
		if err != nil {
			return err
		}
	}
}
