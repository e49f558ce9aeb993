package pull

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/registry"
	"vz.internal/vzoci/reference"
	"vz.internal/vzoci/registrytest"
)

var errFull = syscall.ENOSPC

// noise returns a text that does not compress well.
func noise(n int) string {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

func noWait(context.Context, time.Duration) error { return nil }

func request(t *testing.T, s *registrytest.Server, name, locator string) Request {
	t.Helper()
	c, err := registry.New(registry.Options{Backoff: registry.Backoff{Wait: noWait}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return Request{Repository: c.Repository(reference.Reference{Registry: s.Host(), Repository: name}), Locator: locator, Platform: "linux/amd64"}
}

func TestPull(t *testing.T) {
	s := registrytest.New(t)
	big := noise(3 << 20)
	img := s.AddImage(t, "a", "v1", registrytest.ImageOptions{},
		registrytest.Gzip(t, registrytest.Tar(t, "one", "1", "big", big)),
		registrytest.Zstd(t, registrytest.Tar(t, "two", "2")),
		registrytest.Plain(registrytest.Tar(t, "three", "3")),
		registrytest.Gzip(t, registrytest.Tar(t)),
		registrytest.Gzip(t, registrytest.Tar(t)), // the same blob again, as in real images
	)
	store := newDirStore(t)
	got, err := Pull(t.Context(), store, untar, request(t, s, "a", "v1"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Manifest.Digest != img.Manifest.Digest || got.Target.Digest != img.Manifest.Digest || len(got.ChainIDs) != 5 {
		t.Errorf("result = %+v", got)
	}
	for i, file := range []string{"big", "two", "three"} {
		data, err := os.ReadFile(filepath.Join(store.path("layers", got.ChainIDs[i]), file))
		if err != nil {
			t.Error(err)
		}
		if file == "big" && string(data) != big {
			t.Error("big: other contents")
		}
	}
	for _, d := range append(img.Layers, img.Config, img.Manifest) {
		if !store.Has(d.Digest) {
			t.Errorf("blob %s is missing", d.Digest)
		}
	}
	s.Forget()
	if _, err := Pull(t.Context(), store, untar, request(t, s, "a", "v1")); err != nil {
		t.Fatal(err)
	}
	if again := s.Requests("/blobs/"); len(again) != 0 {
		t.Errorf("a second pull fetched %v", again)
	}
}

// The faults that a download survives: what arrives in the end is right, and
// bytes that were there are not asked for again.
func TestPullSurvives(t *testing.T) {
	blobs := registrytest.Path("GET", "/blobs/")
	tests := []struct {
		name   string
		inject func(*registrytest.Server)
		ranges bool // the download goes on where it broke off
	}{
		{"resets", func(s *registrytest.Server) {
			for _, n := range []int64{100_000, 700_000, 0, 1_500_000} {
				s.Inject(blobs, 1, registrytest.ResetAfter(n))
			}
		}, true},
		{"truncated", func(s *registrytest.Server) { s.Inject(blobs, 1, registrytest.Truncate(1_000_000)) }, true},
		{"429 and 5xx", func(s *registrytest.Server) {
			s.Inject(blobs, 1, registrytest.Status(429, "Retry-After", "1"))
			for _, status := range []int{500, 502, 503, 504} {
				s.Inject(blobs, 1, registrytest.Status(status))
			}
		}, false},
		{"reset without ranges", func(s *registrytest.Server) {
			s.Inject(blobs, 1, registrytest.ResetAfter(1_000_000))
			s.Inject(blobs, registrytest.Always, registrytest.NoRange)
		}, true},
		{"other version after a reset", func(s *registrytest.Server) {
			s.Inject(blobs, 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				w.Header().Set("ETag", `"old"`)
				registrytest.ResetAfter(1_000_000)(w, r, next)
			})
			s.Inject(blobs, registrytest.Always, registrytest.ETag(`"new"`))
		}, true},
		{"damaged, then reset", func(s *registrytest.Server) {
			s.Inject(blobs, 1, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				registrytest.ResetAfter(1_000_000)(w, r, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { registrytest.Corrupt(w, r, next) }))
			})
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := registrytest.New(t)
			layer := registrytest.Plain(registrytest.Tar(t, "big", noise(4<<20)))
			img := s.AddImage(t, "a", "v1", registrytest.ImageOptions{}, layer)
			store := newDirStore(t)
			if _, err := store.WriteBlob(s.Blob(img.Config.Digest)); err != nil { // faults are for the layer
				t.Fatal(err)
			}
			tt.inject(s)
			if _, err := Pull(t.Context(), store, untar, request(t, s, "a", "v1")); err != nil {
				t.Fatal(err)
			}
			ranged := 0
			for _, rq := range s.Requests("/blobs/") {
				if rq.Range != "" {
					ranged++
				}
			}
			if tt.ranges != (ranged > 0) {
				t.Errorf("%d requests with a range in %+v", ranged, s.Requests("/blobs/"))
			}
			checkClean(t, store)
		})
	}
}

func TestPullFails(t *testing.T) {
	blobs := registrytest.Path("GET", "/blobs/")
	good := func(t *testing.T) registrytest.Layer {
		return registrytest.Gzip(t, registrytest.Tar(t, "f", noise(1<<20)))
	}
	with := func(f registrytest.Fault) func(*registrytest.Server) {
		return func(s *registrytest.Server) { s.Inject(blobs, registrytest.Always, f) }
	}
	tests := []struct {
		name   string
		layer  func(*testing.T) registrytest.Layer
		opts   registrytest.ImageOptions
		inject func(*registrytest.Server)
		full   bool
		class  error
		says   string
	}{
		{name: "corrupt", inject: with(registrytest.Corrupt), class: vzcontract.ErrValidation, says: "layer sha256:"},
		{name: "too short", inject: with(registrytest.Truncate(1000)), class: vzcontract.ErrUnavailable, says: "layer"},
		{name: "too long", inject: with(registrytest.Append([]byte("more"))), class: vzcontract.ErrValidation, says: "sends more than"},
		{name: "down", inject: with(registrytest.Status(503)), class: vzcontract.ErrUnavailable, says: "503"},
		{name: "gone", inject: with(registrytest.Status(404)), class: vzcontract.ErrNotFound, says: "no blob"},
		{name: "wrong diffID", opts: registrytest.ImageOptions{DiffIDs: []v1.Hash{registrytest.Digest([]byte("x"))}}, class: vzcontract.ErrValidation, says: "diffID"},
		{name: "disk full", full: true, class: vzcontract.ErrUnavailable, says: "disk is full"},
		{name: "cut off gzip", layer: func(t *testing.T) registrytest.Layer {
			l := good(t)
			l.Blob = l.Blob[:len(l.Blob)/2]
			return l
		}, class: vzcontract.ErrValidation, says: "cut off"},
		{name: "bzip2", layer: func(*testing.T) registrytest.Layer {
			return registrytest.Layer{Blob: []byte("BZh91AY"), MediaType: types.OCILayer}
		}, class: vzcontract.ErrUnsupported, says: "bzip2"},
		{name: "foreign layer", opts: registrytest.ImageOptions{Edit: func(m *v1.Manifest) { m.Layers[0].MediaType = types.DockerForeignLayer }}, class: vzcontract.ErrUnsupported, says: "foreign"},
		{name: "artifact", opts: registrytest.ImageOptions{Edit: func(m *v1.Manifest) { m.Config.MediaType = "application/vnd.cncf.helm.config.v1+json" }}, class: vzcontract.ErrUnsupported, says: "artifact"},
		{name: "size lie", opts: registrytest.ImageOptions{Edit: func(m *v1.Manifest) { m.Layers[0].Size = 1 << 50 }}, class: vzcontract.ErrValidation, says: "claims"},
		{name: "larger than said", opts: registrytest.ImageOptions{Edit: func(m *v1.Manifest) { m.Layers[0].Size-- }}, class: vzcontract.ErrValidation, says: "sends more than"},
		{name: "smaller than said", opts: registrytest.ImageOptions{Edit: func(m *v1.Manifest) { m.Layers[0].Size++ }}, class: vzcontract.ErrUnavailable, says: "layer"},
		{name: "layer missing in config", opts: registrytest.ImageOptions{DiffIDs: []v1.Hash{}}, class: vzcontract.ErrValidation, says: "config names 0 layers"},
		{name: "other platform", opts: registrytest.ImageOptions{Platform: v1.Platform{OS: "linux", Architecture: "s390x"}}, class: vzcontract.ErrNotFound, says: "linux/s390x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := registrytest.New(t)
			if tt.layer == nil {
				tt.layer = good
			}
			img := s.AddImage(t, "a", "v1", tt.opts, tt.layer(t))
			store := newDirStore(t)
			if _, err := store.WriteBlob(s.Blob(img.Config.Digest)); err != nil {
				t.Fatal(err)
			}
			store.full = tt.full
			if tt.inject != nil {
				tt.inject(s)
			}
			_, err := Pull(t.Context(), store, untar, request(t, s, "a", "v1"))
			if !errors.Is(err, tt.class) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("error = %v, want class %v and %q, on one line", err, tt.class, tt.says)
			}
			if store.Has(img.Manifest.Digest) || len(img.Layers) > 0 && store.Has(img.Layers[0].Digest) && tt.name != "wrong diffID" {
				t.Error("something became visible")
			}
			checkClean(t, store)
		})
	}
}

// checkClean fails if unpacking left anything half done.
func checkClean(t *testing.T, s *dirStore) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(s.dir, "work"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestPullResumesAfterCancel(t *testing.T) {
	s := registrytest.New(t)
	img := s.AddImage(t, "a", "v1", registrytest.ImageOptions{}, registrytest.Plain(registrytest.Tar(t, "big", noise(4<<20))))
	store := newDirStore(t)
	reached := make(chan struct{})
	s.Inject(registrytest.Path("GET", img.Layers[0].Digest.Hex), 1, registrytest.Hold(2<<20, reached, nil))
	ctx, cancel := context.WithCancel(t.Context())
	req := request(t, s, "a", "v1")
	arrived := make(chan struct{})
	req.Progress = func(p vzcontract.PullProgress) {
		if p.Phase == "downloading" && p.Done == 2<<20 {
			close(arrived)
		}
	}
	var group errgroup.Group
	group.Go(func() error {
		_, err := Pull(ctx, store, untar, req)
		return err
	})
	<-reached
	<-arrived
	cancel()
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled pull: %v", err)
	}
	checkClean(t, store)
	if _, err := Pull(t.Context(), store, untar, request(t, s, "a", "v1")); err != nil {
		t.Fatal(err)
	}
	rq := s.Requests(img.Layers[0].Digest.Hex)
	if len(rq) != 2 || rq[1].Range != "bytes=2097152-" {
		t.Errorf("requests = %+v, want the second to start at 2 MiB", rq)
	}
}

func TestManyPullsOneDownload(t *testing.T) {
	s := registrytest.New(t)
	img := s.AddImage(t, "a", "v1", registrytest.ImageOptions{}, registrytest.Gzip(t, registrytest.Tar(t, "big", noise(1<<20))))
	store := newDirStore(t)
	var group errgroup.Group
	for range 8 {
		req := request(t, s, "a", "v1")
		group.Go(func() error {
			_, err := Pull(t.Context(), store, untar, req)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Requests(img.Layers[0].Digest.Hex)); n != 1 {
		t.Errorf("the layer was fetched %d times", n)
	}
}

func TestDamagedBlobIsFetchedAgain(t *testing.T) {
	s := registrytest.New(t)
	img := s.AddImage(t, "a", "v1", registrytest.ImageOptions{}, registrytest.Gzip(t, registrytest.Tar(t, "f", "x")))
	store := newDirStore(t)
	for _, d := range []v1.Hash{img.Layers[0].Digest, img.Config.Digest} {
		if err := os.WriteFile(store.path("blobs", d), []byte("garbage"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Pull(t.Context(), store, untar, request(t, s, "a", "v1")); err != nil {
		t.Fatal(err)
	}
	for _, d := range []v1.Hash{img.Layers[0].Digest, img.Config.Digest} {
		if data, err := os.ReadFile(store.path("blobs", d)); err != nil || digestBytes(data) != d {
			t.Errorf("%s is still damaged (%v)", d, err)
		}
	}
}
