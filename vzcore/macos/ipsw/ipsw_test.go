package ipsw

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"howett.net/plist"

	"vz.internal/vzcontract"
)

// restoreImage makes what a restore image looks like from outside, with a payload that
// does not compress.
func restoreImage(t testing.TB, version, build string, models []string, payload int) []byte {
	t.Helper()
	manifest, err := plist.Marshal(map[string]any{
		"ProductVersion": version, "ProductBuildVersion": build, "SupportedProductTypes": models,
	}, plist.XMLFormat)
	require.NoError(t, err)
	noise := make([]byte, payload)
	random := rand.NewChaCha8([32]byte{byte(payload)})
	_, _ = random.Read(noise)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range []struct {
		name string
		data []byte
	}{{"BuildManifest.plist", manifest}, {"root.dmg", noise}} {
		part, err := w.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Store})
		require.NoError(t, err)
		_, err = part.Write(f.data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func goodImage(t testing.TB) []byte {
	return restoreImage(t, "15.6.1", "24G90", []string{"Mac14,3", VirtualMac}, 3<<20)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// A server serves one file, and fails as a test wants it to.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	data     []byte             // guarded by mu
	etag     string             // guarded by mu
	requests []string           // their ranges; guarded by mu
	answers  []http.HandlerFunc // in place of the file, one after another; guarded by mu
}

func newServer(t *testing.T, data []byte) *server {
	t.Helper()
	s := &server{data: data, etag: `"v1"`}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Header.Get("Range"))
	var answer http.HandlerFunc
	if len(s.answers) > 0 {
		answer, s.answers = s.answers[0], s.answers[1:]
	}
	data, etag := s.data, s.etag
	s.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	serveFile(w, r, data, etag)
}

func serveFile(w http.ResponseWriter, r *http.Request, data []byte, etag string) {
	w.Header().Set("Content-Type", "application/octet-stream")
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// breakOff sends n bytes of the file and ends the connection.
func (s *server) breakOff(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		data, etag := s.data, s.etag
		s.mu.Unlock()
		var start int
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &start); err == nil {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(data)-1, len(data)))
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)-start))
		w.Header().Set("ETag", etag)
		w.Header().Set("Content-Type", "application/octet-stream")
		if start > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(data[start : start+n])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func (s *server) will(answers ...http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers = answers
}

func (s *server) ranges() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.requests
	s.requests = nil
	return asked
}

func (s *server) request() Request {
	return Request{URL: s.URL + "/UniversalMac_15.6.1_24G90_Restore.ipsw"}
}

// newCache is one that does not wait between tries.
func newCache(t *testing.T) Cache {
	t.Helper()
	return Cache{
		Dir:  filepath.Join(t.TempDir(), "ipsw"),
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

func header(name, value string, status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(name, value)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// whole checks that the cache holds data under the request, and nothing else.
func whole(t *testing.T, c Cache, e Entry, data []byte) {
	t.Helper()
	got, err := os.ReadFile(e.Path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data, got))
	require.Equal(t, digest(data), e.SHA256)
	require.Equal(t, "15.6.1 24G90", e.Version+" "+e.Build)
	files, err := os.ReadDir(filepath.Dir(e.Path))
	require.NoError(t, err)
	require.Len(t, files, 2, "the image and its record")
	all, err := c.List()
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.True(t, all[0].Complete)
}

func TestFetch(t *testing.T) {
	data := goodImage(t)
	s, c := newServer(t, data), newCache(t)
	r := s.request()
	var phases []string
	r.Progress = func(p Progress) {
		if len(phases) == 0 || phases[len(phases)-1] != p.Phase {
			phases = append(phases, p.Phase)
		}
		require.LessOrEqual(t, p.Done, int64(len(data)))
	}
	e, err := c.Fetch(t.Context(), r)
	require.NoError(t, err)
	whole(t, c, e, data)
	require.Equal(t, []string{Downloading, Done}, phases)

	s.Close() // it is not needed any more
	again, err := c.Fetch(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, e, again)
	require.Equal(t, Exists, phases[len(phases)-1])
	_, err = c.Verify(t.Context(), r)
	require.NoError(t, err)
}

// TestResume breaks a download off in one process and goes on in another.
func TestResume(t *testing.T) {
	data := goodImage(t)
	for name, pinned := range map[string]string{"by its ETag": "", "pinned": digest(data)} {
		t.Run(name, func(t *testing.T) {
			s, c := newServer(t, data), newCache(t)
			r := s.request()
			r.SHA256 = pinned
			ctx, cancel := context.WithCancel(t.Context())
			s.will(s.breakOff(1<<20), func(http.ResponseWriter, *http.Request) {
				cancel()
				panic(http.ErrAbortHandler)
			})
			_, err := c.Fetch(ctx, r)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, []string{"", "bytes=1048576-"}, s.ranges())
			all, err := c.List()
			require.NoError(t, err)
			require.Len(t, all, 1)
			require.False(t, all[0].Complete)
			require.Equal(t, []int64{1 << 20, int64(len(data))}, []int64{all[0].Present, all[0].Size})
			_, err = c.Verify(t.Context(), r)
			require.ErrorIs(t, err, vzcontract.ErrNotFound)

			e, err := c.Fetch(t.Context(), r)
			require.NoError(t, err)
			whole(t, c, e, data)
			require.Equal(t, []string{"bytes=1048576-"}, s.ranges())
		})
	}
}

// TestBreaks lets the connection end again and again.
func TestBreaks(t *testing.T) {
	data := goodImage(t)
	s, c := newServer(t, data), newCache(t)
	s.will(s.breakOff(10), s.breakOff(1), s.breakOff(1<<20), header("Retry-After", "1", 503, ""), s.breakOff(0), s.breakOff(5))
	e, err := c.Fetch(t.Context(), s.request())
	require.NoError(t, err)
	whole(t, c, e, data)

	require.NoError(t, os.RemoveAll(c.Dir))
	for range 10 {
		s.mu.Lock()
		s.answers = append(s.answers, header("X", "", 503, ""))
		s.mu.Unlock()
	}
	s.ranges()
	_, err = c.Fetch(t.Context(), s.request())
	require.ErrorIs(t, err, vzcontract.ErrUnavailable)
	require.ErrorContains(t, err, "503")
	require.Len(t, s.ranges(), maxTries)
}

// TestChangedFile has another file at the address when a download goes on.
func TestChangedFile(t *testing.T) {
	old, data := restoreImage(t, "15.6.1", "24G90", []string{VirtualMac}, 2<<20), goodImage(t)
	for name, etags := range map[string][2]string{"another ETag": {`"v1"`, `"v2"`}, "no ETag": {"", ""}, "weak ETag": {`W/"1"`, `W/"1"`}} {
		t.Run(name, func(t *testing.T) {
			s, c := newServer(t, old), newCache(t)
			s.etag = etags[0]
			s.will(s.breakOff(1<<20), func(w http.ResponseWriter, r *http.Request) {
				s.mu.Lock()
				s.data, s.etag = data, etags[1]
				s.mu.Unlock()
				s.serve(w, r)
			})
			e, err := c.Fetch(t.Context(), s.request())
			require.NoError(t, err)
			whole(t, c, e, data)
		})
	}
}

// TestTorn damages what the cache holds.
func TestTorn(t *testing.T) {
	data := goodImage(t)
	damage := map[string]func(t *testing.T, dir string){
		"truncated": func(t *testing.T, dir string) { require.NoError(t, os.Truncate(filepath.Join(dir, imageFile), 1<<20)) },
		"longer":    func(t *testing.T, dir string) { require.NoError(t, os.Truncate(filepath.Join(dir, imageFile), 10<<20)) },
		"record lost": func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, entryFile)))
		},
		"record torn": func(t *testing.T, dir string) {
			require.NoError(t, os.Truncate(filepath.Join(dir, entryFile), 5))
		},
		"a partial of zeros": func(t *testing.T, dir string) { // as a power loss may leave one
			require.NoError(t, os.Remove(filepath.Join(dir, imageFile)))
			require.NoError(t, os.WriteFile(filepath.Join(dir, partialFile), make([]byte, 1<<20), 0o600))
		},
		"a partial that is too long": func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(dir, imageFile)))
			require.NoError(t, os.WriteFile(filepath.Join(dir, partialFile), make([]byte, 10<<20), 0o600))
		},
		"killed before the last step": func(t *testing.T, dir string) {
			require.NoError(t, os.Rename(filepath.Join(dir, imageFile), filepath.Join(dir, partialFile)))
		},
	}
	for name, damage := range damage {
		t.Run(name, func(t *testing.T) {
			s, c := newServer(t, data), newCache(t)
			e, err := c.Fetch(t.Context(), s.request())
			require.NoError(t, err)
			dir := filepath.Dir(e.Path)
			damage(t, dir)
			require.NoError(t, writeJSON(filepath.Join(dir, versionFile), version{URL: e.URL, ETag: `"v1"`, Size: e.Size}))
			e, err = c.Fetch(t.Context(), s.request())
			require.NoError(t, err)
			whole(t, c, e, data)
		})
	}
	t.Run("changed in place", func(t *testing.T) { // only a Verify reads it all
		s, c := newServer(t, data), newCache(t)
		e, err := c.Fetch(t.Context(), s.request())
		require.NoError(t, err)
		changed := bytes.Clone(data)
		changed[2<<20] ^= 1
		require.NoError(t, os.WriteFile(e.Path, changed, 0o600))
		_, err = c.Verify(t.Context(), s.request())
		require.ErrorIs(t, err, vzcontract.ErrValidation)
		require.ErrorContains(t, err, digest(changed))
	})
}

func TestPinned(t *testing.T) {
	data := goodImage(t)
	s, c := newServer(t, data), newCache(t)
	r := s.request()
	r.SHA256 = strings.Repeat("0", 64)
	_, err := c.Fetch(t.Context(), r)
	require.ErrorIs(t, err, vzcontract.ErrValidation)
	require.ErrorContains(t, err, digest(data))
	all, err := c.List()
	require.NoError(t, err)
	require.Empty(t, all, "nothing is kept")

	// What came unpinned is not taken for what is pinned later.
	_, err = c.Fetch(t.Context(), s.request())
	require.NoError(t, err)
	_, err = c.Fetch(t.Context(), r)
	require.ErrorIs(t, err, vzcontract.ErrValidation)
	r.SHA256 = digest(data)
	e, err := c.Fetch(t.Context(), r)
	require.NoError(t, err)
	whole(t, c, e, data)
}
