package vzoci

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/registrytest"
)

func TestRootFS(t *testing.T) {
	r := registrytest.New(t)
	r.AddImage(t, "a", "v1", registrytest.ImageOptions{},
		registrytest.Gzip(t, registrytest.Tar(t, "low", "1")), registrytest.Gzip(t, registrytest.Tar(t, "top", "2")))
	s := open(t, "")
	req := vzcontract.RootFSRequest{Ref: r.Host() + "/a:v1", Owner: "c1", Platform: "linux/amd64"}
	for range 2 { // fetched, then at hand
		root, err := s.RootFS(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if len(root.Layers) != 2 || !slices.Equal(root.Image.References, []string{r.Host() + "/a:v1"}) {
			t.Fatalf("root = %+v", root)
		}
		for i, file := range []string{"top", "low"} {
			if _, err := os.Stat(filepath.Join(root.Layers[i], file)); err != nil || !filepath.IsAbs(root.Layers[i]) {
				t.Error(err)
			}
		}
	}
	id := pullOf(t, s, req.Ref).ID
	if _, err := s.RemoveImage(t.Context(), req.Ref, vzcontract.RemoveImageOptions{}); !errors.Is(err, vzcontract.ErrConflict) {
		t.Errorf("removal of an image in use: %v", err)
	}
	if report, err := s.PruneImages(t.Context(), vzcontract.PruneImagesOptions{All: true}); err != nil || len(report.Removed) != 0 {
		t.Errorf("prune = %+v, %v", report, err)
	}
	// By force it loses its name; the layers stay as long as the lease.
	if _, err := s.RemoveImage(t.Context(), req.Ref, vzcontract.RemoveImageOptions{Force: true}); err != nil {
		t.Error(err)
	}
	req.Ref = id[:20]
	root, err := s.RootFS(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root.Layers[0], "top")); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := s.ReleaseRootFS(t.Context(), "c1"); err != nil {
			t.Error(err)
		}
	}
	report, err := s.PruneImages(t.Context(), vzcontract.PruneImagesOptions{})
	if err != nil || !slices.Equal(report.Removed, []string{id}) || report.Freed == 0 {
		t.Errorf("prune = %+v, %v", report, err)
	}
	if n := count(t, s, "blobs/sha256") + count(t, s, "layers") + count(t, s, "leases") + count(t, s, "trash"); n != 0 {
		t.Errorf("%d things are left", n)
	}
}

func TestRootFSFails(t *testing.T) {
	s := open(t, "")
	for _, tt := range []struct {
		req   vzcontract.RootFSRequest
		class error
	}{
		{vzcontract.RootFSRequest{Ref: "127.0.0.1:1/a", Owner: "c1"}, vzcontract.ErrUnavailable},
		{vzcontract.RootFSRequest{Ref: "127.0.0.1:1/a", Owner: "c1", Policy: vzcontract.PullNever}, vzcontract.ErrNotFound},
		{vzcontract.RootFSRequest{Ref: "127.0.0.1:1/a", Owner: "../c1"}, vzcontract.ErrValidation},
		{vzcontract.RootFSRequest{Ref: "127.0.0.1:1/a"}, vzcontract.ErrValidation},
	} {
		if _, err := s.RootFS(t.Context(), tt.req); !errors.Is(err, tt.class) {
			t.Errorf("RootFS(%+v) = %v, want %v", tt.req, err, tt.class)
		}
	}
	if n := count(t, s, "leases"); n != 0 {
		t.Errorf("%d leases are left", n)
	}
}

// A layer that is gone is made again from its blob, without the registry.
func TestRootFSRestores(t *testing.T) {
	r := registrytest.New(t)
	addImage(t, r, "a", "v1", "x")
	s := open(t, "")
	pullOf(t, s, r.Host()+"/a:v1")
	layers, err := filepath.Glob(filepath.Join(s.store.Dir(), "layers", "*"))
	if err != nil || len(layers) != 1 {
		t.Fatal(layers, err)
	}
	for _, policy := range []vzcontract.PullPolicy{vzcontract.PullNever, vzcontract.PullMissing} {
		if err := os.RemoveAll(layers[0]); err != nil {
			t.Fatal(err)
		}
		r.Forget()
		root, err := s.RootFS(t.Context(), vzcontract.RootFSRequest{Ref: r.Host() + "/a:v1", Owner: "c1", Policy: policy})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(root.Layers[0], "file")); err != nil || len(r.Requests("")) != 0 {
			t.Errorf("%s: %v, requests %v", policy, err, r.Requests(""))
		}
	}
}

func BenchmarkRootFS(b *testing.B) {
	r := registrytest.New(b)
	var layers []registrytest.Layer
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		layers = append(layers, registrytest.Gzip(b, registrytest.Tar(b, name, name)))
	}
	r.AddImage(b, "a", "v1", registrytest.ImageOptions{}, layers...)
	s := open(b, "")
	pullOf(b, s, r.Host()+"/a:v1")
	for name, again := range map[string]bool{"new": false, "again": true} {
		b.Run(name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				if !again {
					n++
				}
				if _, err := s.RootFS(b.Context(), vzcontract.RootFSRequest{Ref: r.Host() + "/a:v1", Owner: "c" + strconv.Itoa(n)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
