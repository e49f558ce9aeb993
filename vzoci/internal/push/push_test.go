package push_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/push"
	"vz.internal/vzoci/internal/registry"
	"vz.internal/vzoci/reference"
	"vz.internal/vzoci/registrytest"
)

// dirStore is a directory of blobs.
type dirStore string

func (s dirStore) path(d v1.Hash) string { return filepath.Join(string(s), d.Hex) }

func (s dirStore) Has(d v1.Hash) bool {
	_, err := os.Stat(s.path(d))
	return err == nil
}
func (s dirStore) OpenBlob(d v1.Hash) (*os.File, error) { return os.Open(s.path(d)) }

func (s dirStore) add(t *testing.T, blobs ...[]byte) {
	t.Helper()
	for _, b := range blobs {
		if err := os.WriteFile(s.path(registrytest.Digest(b)), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// stored returns a store with an image of two layers, and the image.
func stored(t *testing.T) (dirStore, registrytest.Image, *registrytest.Server) {
	t.Helper()
	from := registrytest.New(t)
	img := from.AddImage(t, "a", "v1", registrytest.ImageOptions{},
		registrytest.Gzip(t, registrytest.Tar(t, "one", strings.Repeat("x", 1<<20))),
		registrytest.Zstd(t, registrytest.Tar(t, "two", "2")))
	store := dirStore(t.TempDir())
	store.add(t, img.Raw, from.Blob(img.Config.Digest), from.Blob(img.Layers[0].Digest), from.Blob(img.Layers[1].Digest))
	return store, img, from
}

func to(t *testing.T, s *registrytest.Server, name string) *registry.Repository {
	t.Helper()
	c, err := registry.New(registry.Options{Backoff: registry.Backoff{Wait: func(context.Context, time.Duration) error { return nil }}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.Repository(reference.Reference{Registry: s.Host(), Repository: name})
}

func TestPush(t *testing.T) {
	store, img, _ := stored(t)
	s := registrytest.New(t)
	phases := map[string][]string{}
	var mu sync.Mutex
	req := push.Request{Repository: to(t, s, "b"), Tag: "v2", Target: img.Manifest, Progress: func(p vzcontract.PullProgress) {
		mu.Lock()
		defer mu.Unlock()
		phases[p.Digest] = append(phases[p.Digest], p.Phase)
	}}
	if err := push.Push(t.Context(), store, req); err != nil {
		t.Fatal(err)
	}
	for _, locator := range []string{"v2", img.Manifest.Digest.String()} {
		if !bytes.Equal(s.Manifest("b", locator), img.Raw) {
			t.Errorf("the registry has no %s", locator)
		}
	}
	for digest, p := range phases {
		if p[0] != "waiting" || p[len(p)-1] != "done" {
			t.Errorf("phases of %s: %v", digest, p)
		}
	}
	s.Forget()
	req.Tag = "v3"
	if err := push.Push(t.Context(), store, req); err != nil {
		t.Fatal(err)
	}
	if again := s.Requests("/uploads/"); len(again) != 0 {
		t.Errorf("blobs were sent again: %v", again)
	}
}

func TestPushMounts(t *testing.T) {
	store, img, s := stored(t)
	err := push.Push(t.Context(), store, push.Request{
		Repository: to(t, s, "b"), Tag: "v2", Target: img.Manifest, MountFrom: func(v1.Hash) string { return "a" },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, rq := range s.Requests("/uploads/") {
		if rq.Method != "POST" {
			t.Errorf("data was sent: %+v", rq)
		}
	}
	if s.Manifest("b", "v2") == nil {
		t.Error("the tag is missing")
	}
}

func TestPushIndex(t *testing.T) {
	store, img, from := stored(t)
	index := from.AddIndex(t, "a", "multi", img.Manifest)
	raw := from.Manifest("a", index.String())
	store.add(t, raw)
	target := v1.Descriptor{Digest: index, Size: int64(len(raw))}
	if !push.Complete(store, target) {
		t.Error("Complete = false with everything there")
	}
	s := registrytest.New(t)
	if err := push.Push(t.Context(), store, push.Request{Repository: to(t, s, "b"), Tag: "multi", Target: target}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.Manifest("b", "multi"), raw) || s.Manifest("b", img.Manifest.Digest.String()) == nil {
		t.Error("the index or its manifest is missing")
	}
	if err := os.Remove(store.path(img.Layers[0].Digest)); err != nil {
		t.Fatal(err)
	}
	if push.Complete(store, target) {
		t.Error("Complete = true without a layer")
	}
}

func TestPushFails(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(*registrytest.Server, dirStore, registrytest.Image) error
		class   error
		says    string
	}{
		{"denied", func(s *registrytest.Server, _ dirStore, _ registrytest.Image) error {
			s.RequireBasic("u", "p")
			return nil
		}, vzcontract.ErrDenied, "vz login"},
		{"layer missing", func(_ *registrytest.Server, d dirStore, i registrytest.Image) error {
			return os.Remove(d.path(i.Layers[0].Digest))
		}, vzcontract.ErrNotFound, "is not in the store"},
		{"manifest missing", func(_ *registrytest.Server, d dirStore, i registrytest.Image) error {
			return os.Remove(d.path(i.Manifest.Digest))
		}, vzcontract.ErrNotFound, "is not in the store"},
		{"layer damaged", func(_ *registrytest.Server, d dirStore, i registrytest.Image) error {
			return os.Truncate(d.path(i.Layers[0].Digest), 5)
		}, vzcontract.ErrInternal, "is damaged"},
		{"registry down", func(s *registrytest.Server, _ dirStore, _ registrytest.Image) error {
			s.Inject(registrytest.Path("", "/"), registrytest.Always, registrytest.Status(503))
			return nil
		}, vzcontract.ErrUnavailable, "503"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store, img, _ := stored(t)
			s := registrytest.New(t)
			if err := tt.prepare(s, store, img); err != nil {
				t.Fatal(err)
			}
			err := push.Push(t.Context(), store, push.Request{Repository: to(t, s, "b"), Tag: "v2", Target: img.Manifest})
			if !errors.Is(err, tt.class) || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("error = %v, want class %v and %q", err, tt.class, tt.says)
			}
			if s.Manifest("b", "v2") != nil {
				t.Error("the tag appeared all the same")
			}
		})
	}
}
