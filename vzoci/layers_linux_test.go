package vzoci

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/registrytest"
)

// tarOf makes an archive of entries; files are full of x.
func tarOf(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write(bytes.Repeat([]byte("x"), int(h.Size))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A layer that leans on one below it, which arrives later, comes out as if they
// had come one after the other.
func TestLayersThatLean(t *testing.T) {
	r := registrytest.New(t)
	base := tarOf(t,
		tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o751},
		tar.Header{Typeflag: tar.TypeDir, Name: "usr/", Mode: 0o710},
		tar.Header{Typeflag: tar.TypeReg, Name: "usr/file", Mode: 0o644, Size: 1000},
	)
	leaning := tarOf(t,
		tar.Header{Typeflag: tar.TypeReg, Name: "usr/new", Mode: 0o644, Size: 3 << 20}, // the larger one starts first
		tar.Header{Typeflag: tar.TypeLink, Name: "link", Linkname: "usr/file"},
	)
	rootless := tarOf(t, tar.Header{Typeflag: tar.TypeReg, Name: "top", Mode: 0o644, Size: 1})
	img := r.AddImage(t, "a", "v1", registrytest.ImageOptions{}, registrytest.Gzip(t, base), registrytest.Plain(leaning), registrytest.Gzip(t, rootless))
	// The base arrives when the others had all the time to need it.
	reached, release := make(chan struct{}), make(chan struct{})
	r.Inject(registrytest.Path("GET", "/blobs/"+img.Layers[0].Digest.String()), 1, registrytest.Hold(1, reached, release))
	s := open(t, "")
	type result struct {
		root vzcontract.RootFS
		err  error
	}
	done := make(chan result)
	arrived := make(chan struct{})
	go func() {
		count := 0
		root, err := s.RootFS(t.Context(), vzcontract.RootFSRequest{
			Ref: r.Host() + "/a:v1", Owner: "c", Platform: "linux/amd64",
			Progress: func(p vzcontract.PullProgress) {
				if p.Digest == img.Layers[1].Digest.String() && p.Phase == "unpacking" {
					if count++; count == 1 {
						close(arrived)
					}
				}
			},
		})
		done <- result{root, err}
	}()
	<-reached
	<-arrived
	close(release)
	got := <-done
	if got.err != nil {
		t.Fatal(got.err)
	}
	for i, want := range map[int]os.FileMode{0: 0o751, 1: 0o751, 2: 0o751} {
		if info, err := os.Stat(got.root.Layers[i]); err != nil || info.Mode().Perm() != want {
			t.Errorf("root of layer %d: %v, %v, want %v", i, info.Mode(), err, want)
		}
	}
	if info, err := os.Stat(filepath.Join(got.root.Layers[1], "usr")); err != nil || info.Mode().Perm() != 0o710 {
		t.Errorf("usr of the layer above: %v, %v", info, err)
	}
	if info, err := os.Stat(filepath.Join(got.root.Layers[1], "link")); err != nil || info.Size() != 1000 {
		t.Errorf("link to the layer below: %v, %v", info, err)
	}
	intact(t, s)
}
