package pull

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/unpack"
	"vz.internal/vzoci/registrytest"
)

// bomb is an archive of one file of zeros that w compresses.
func bomb(t *testing.T, w io.WriteCloser, size int64) {
	t.Helper()
	head := registrytest.Tar(t, "zeros", "")[:512]
	copy(head[124:136], fmt.Sprintf("%011o\x00", size))
	copy(head[148:156], "        ")
	sum := 0
	for _, c := range head {
		sum += int(c)
	}
	copy(head[148:156], fmt.Sprintf("%06o\x00 ", sum))
	if _, err := w.Write(head); err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func zstdBomb(t *testing.T, size int64) registrytest.Layer {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	bomb(t, w, size)
	return registrytest.Layer{Blob: b.Bytes(), MediaType: types.OCILayerZStd}
}

func gzipBomb(t *testing.T, size int64) registrytest.Layer {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	bomb(t, w, size)
	return registrytest.Layer{Blob: b.Bytes(), MediaType: types.OCILayer}
}

// The part of the corpus of hostile layers that is a matter of images and
// compression, with the real unpacker. The rest is in package unpack.
func TestHostileImages(t *testing.T) {
	good := func(t *testing.T) registrytest.Layer {
		return registrytest.Gzip(t, registrytest.Tar(t, "f", noise(100_000)))
	}
	edit := func(f func(*v1.Manifest)) registrytest.ImageOptions { return registrytest.ImageOptions{Edit: f} }
	tests := []struct {
		name  string
		layer func(*testing.T) registrytest.Layer
		opts  registrytest.ImageOptions
		says  string // "" for an image that is pulled
	}{
		// Of a bomb's archive the diffID is not known: that it is missed says that all was unpacked.
		{"zeros in gzip", func(t *testing.T) registrytest.Layer { return gzipBomb(t, 200<<20) }, registrytest.ImageOptions{}, "has diffID"},
		{"zstd bomb", func(t *testing.T) registrytest.Layer { return zstdBomb(t, 1100<<20) }, registrytest.ImageOptions{}, "unpacks to more than 1100 times"},
		{"truncated gzip", func(t *testing.T) registrytest.Layer {
			l := good(t)
			l.Blob = l.Blob[:len(l.Blob)-20]
			return l
		}, registrytest.ImageOptions{}, "cut off"},
		{"truncated archive", func(t *testing.T) registrytest.Layer {
			return registrytest.Gzip(t, registrytest.Tar(t, "f", noise(100_000))[:50_000])
		}, registrytest.ImageOptions{}, `layer entry "f": the archive is cut off`},
		{"trailing zeros", func(t *testing.T) registrytest.Layer {
			return registrytest.Gzip(t, append(registrytest.Tar(t, "f", "x"), make([]byte, 1<<20)...))
		}, registrytest.ImageOptions{}, ""},
		{"much trailing data", func(t *testing.T) registrytest.Layer {
			return registrytest.Gzip(t, append(registrytest.Tar(t, "f", "x"), make([]byte, maxTrailer+1<<20)...))
		}, registrytest.ImageOptions{}, "follow the end of layer"},
		{"garbage behind gzip", func(t *testing.T) registrytest.Layer {
			l := good(t)
			l.Blob = append(l.Blob, "garbage"...)
			return l
		}, registrytest.ImageOptions{}, "damaged"},
		{"wrong digest", nil, edit(func(m *v1.Manifest) { m.Layers[0].Digest = registrytest.Digest([]byte("other")) }), "no blob"},
		{"wrong diffID", nil, registrytest.ImageOptions{DiffIDs: []v1.Hash{registrytest.Digest([]byte("x"))}}, "diffID"},
		{"size lie", nil, edit(func(m *v1.Manifest) { m.Layers[0].Size = 12 }), "sends more than"},
		{"negative size", nil, edit(func(m *v1.Manifest) { m.Layers[0].Size = -1 }), "claims -1 bytes"},
	}
	rows := []string{""}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.layer == nil {
				tt.layer = good
			}
			l := tt.layer(t)
			s := registrytest.New(t)
			img := s.AddImage(t, "a", "v1", tt.opts, l)
			store := newDirStore(t)
			outcome := "pulled"
			req := request(t, s, "a", "v1")
			req.FreeExpansion = 64 << 20
			_, err := Pull(t.Context(), store, applyLayer, req)
			if err != nil {
				outcome = err.Error()
			}
			rows = append(rows, fmt.Sprintf("%-20s %s", tt.name, outcome))
			checkClean(t, store)
			if tt.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(outcome, tt.says) || !errors.Is(err, vzcontract.ErrValidation) && !errors.Is(err, vzcontract.ErrNotFound) {
				t.Errorf("error = %v, want %q", err, tt.says)
			}
			if store.Has(img.Manifest.Digest) {
				t.Error("the image became visible")
			}
			if left, err := os.ReadDir(filepath.Join(store.dir, "layers")); err != nil || len(left) > 0 {
				t.Errorf("layers left behind: %v, %v", left, err)
			}
		})
	}
	t.Log(strings.Join(rows, "\n"))
}

// A registry can only make a cycle of indexes by lying about digests.
func TestCyclicIndex(t *testing.T) {
	s := registrytest.New(t)
	lie := registrytest.Digest([]byte("lie"))
	entry := v1.Descriptor{MediaType: types.OCIImageIndex, Digest: lie, Size: 500, Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}
	s.AddIndex(t, "a", "v1", entry)
	raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"digest":%q,"size":500,"platform":{"os":"linux","architecture":"amd64"}}]}`,
		types.OCIImageIndex, types.OCIImageIndex, lie)
	s.AddManifest("a", lie.String(), types.OCIImageIndex, []byte(raw))
	store := newDirStore(t)
	_, err := Pull(t.Context(), store, applyLayer, request(t, s, "a", "v1"))
	if !errors.Is(err, vzcontract.ErrValidation) {
		t.Errorf("error = %v", err)
	}
	t.Log(err)
	checkClean(t, store)
}

// applyLayer unpacks base layers.
func applyLayer(ctx context.Context, dir string, r io.Reader, _ []v1.Hash) (int64, error) {
	got, err := unpack.Apply(ctx, dir, r, unpack.Options{})
	return got.Size, err
}
