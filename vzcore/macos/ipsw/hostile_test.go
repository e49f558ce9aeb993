package ipsw

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

// TestBadAnswers lists what a server may do wrong, and what people are told.
func TestBadAnswers(t *testing.T) {
	data := goodImage(t)
	length := func(n int64) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(n))
			w.WriteHeader(http.StatusOK)
		}
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}
	tests := []struct {
		name   string
		answer http.HandlerFunc
		change func(*Request)
		class  error
		says   string
	}{
		{"not there", header("X", "", 404, ""), nil, vzcontract.ErrNotFound, "vz vm base list"},
		{"forbidden", header("X", "", 403, ""), nil, vzcontract.ErrDenied, "403"},
		{"odd status", header("X", "", 418, ""), nil, vzcontract.ErrUnavailable, "418"},
		{"wait for long", header("Retry-After", "3000", 503, ""), nil, vzcontract.ErrUnavailable, "503"},
		{"page", header("Content-Type", "text/html; charset=utf-8", 200, "<html>Log in</html>"), nil, vzcontract.ErrValidation, "a page (text/html"},
		{"page that says it is a file", header("Content-Type", "application/octet-stream", 200, "<html>Log in</html>"), nil, vzcontract.ErrValidation, `begins with "<html>`},
		{"packed", header("Content-Encoding", "gzip", 200, "x"), nil, vzcontract.ErrValidation, "packed with gzip"},
		{"empty", length(0), nil, vzcontract.ErrValidation, "how long"},
		{"endless", endless, nil, vzcontract.ErrValidation, "how long"},
		{"enormous", length(maxSize + 1), nil, vzcontract.ErrValidation, "no restore image has more"},
		{"another size", nil, func(r *Request) { r.Size = 12 }, vzcontract.ErrValidation, "the restore image 12"},
		{"part that nobody asked for", header("Content-Range", "bytes 0-9/10", 206, "PK34567890"), nil, vzcontract.ErrValidation, "nobody asked for"},
		{"part without a place", header("X", "", 206, "PK34567890"), nil, vzcontract.ErrValidation, "does not say which"},
		{"another host", http.RedirectHandler("http://elsewhere.invalid/x.ipsw", http.StatusFound).ServeHTTP, nil, vzcontract.ErrDenied, "another host, elsewhere.invalid"},
		{"another scheme", nil, func(r *Request) { r.URL += "?scheme" }, vzcontract.ErrDenied, "redirects from http to https"},
		{"circle", nil, func(r *Request) { r.URL += "?circle" }, vzcontract.ErrDenied, "without end"},
		{"no archive", header("Content-Type", "application/zip", 200, "PK and nothing else"), nil, vzcontract.ErrValidation, "no restore image, or cut off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, c := newServer(t, data), newCache(t)
			answer := tt.answer
			for range maxTries {
				s.answers = append(s.answers, func(w http.ResponseWriter, r *http.Request) {
					switch {
					case r.URL.RawQuery == "scheme":
						http.Redirect(w, r, "https://"+r.Host+r.URL.Path, http.StatusFound)
					case r.URL.RawQuery == "circle":
						http.Redirect(w, r, r.URL.String(), http.StatusFound)
					case answer != nil:
						answer(w, r)
					default:
						serveFile(w, r, data, `"v1"`)
					}
				})
			}
			r := s.request()
			if tt.change != nil {
				tt.change(&r)
			}
			_, err := c.Fetch(t.Context(), r)
			require.ErrorIs(t, err, tt.class)
			require.ErrorContains(t, err, tt.says)
			left, err := filepath.Glob(filepath.Join(c.Dir, "*", imageFile))
			require.NoError(t, err)
			require.Empty(t, left)
			s.will()
			e, err := c.Fetch(t.Context(), s.request())
			require.NoError(t, err, "a good answer later is taken")
			whole(t, c, e, data)
		})
	}
}

// TestBadParts goes on with a download at a server that does not give what is missing.
func TestBadParts(t *testing.T) {
	data := goodImage(t)
	part := func(first, total int, etag string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", etag)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, total-1, total))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(data[first:min(total, len(data))])
		}
	}
	at := 1 << 20
	tests := map[string]http.HandlerFunc{
		"the whole":          func(w http.ResponseWriter, r *http.Request) { r.Header.Del("Range"); serveFile(w, r, data, `"v1"`) },
		"another place":      part(at+1, len(data), `"v1"`),
		"shrinking":          part(at, len(data)-10, `"v1"`),
		"another version":    part(at, len(data), `"v2"`),
		"no version":         part(at, len(data), ""),
		"not satisfiable":    header("X", "", http.StatusRequestedRangeNotSatisfiable, ""),
		"an error and a gap": header("X", "", http.StatusBadGateway, ""),
	}
	for name, answer := range tests {
		t.Run(name, func(t *testing.T) {
			s, c := newServer(t, data), newCache(t)
			s.will(s.breakOff(at), answer)
			e, err := c.Fetch(t.Context(), s.request())
			require.NoError(t, err)
			whole(t, c, e, data)
		})
	}
	t.Run("always", func(t *testing.T) {
		s, c := newServer(t, data), newCache(t)
		for range maxStartOvers {
			s.answers = append(s.answers, s.breakOff(at), part(at, len(data)-10, `"v1"`))
		}
		_, err := c.Fetch(t.Context(), s.request())
		require.ErrorIs(t, err, vzcontract.ErrUnavailable)
		require.ErrorContains(t, err, "never fit together")
	})
}

func TestNoRoom(t *testing.T) {
	data := goodImage(t)
	s, c := newServer(t, data), newCache(t)
	c.Free = func(string) (uint64, error) { return reserve + uint64(len(data)) - 1, nil }
	_, err := c.Fetch(t.Context(), s.request())
	require.ErrorIs(t, err, vzcontract.ErrUnavailable)
	require.ErrorContains(t, err, "vz vm cache clean")
	all, err := c.List()
	require.NoError(t, err)
	require.Empty(t, all)

	c.Free = func(string) (uint64, error) { return reserve + uint64(len(data)), nil }
	_, err = c.Fetch(t.Context(), s.request())
	require.NoError(t, err)
	have, err := free(c.Dir)
	require.NoError(t, err)
	require.Positive(t, have)
}

// TestShared fetches the same in many places at once: one download, many users.
func TestShared(t *testing.T) {
	data := goodImage(t)
	s, c := newServer(t, data), newCache(t)
	arrived := make(chan struct{})
	release := make(chan struct{})
	s.will(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
		serveFile(w, r, data, `"v1"`)
	})
	waiting := make(chan struct{}, 10)
	var wg sync.WaitGroup
	errs := make([]error, 11)
	fetch := func(i int) {
		r := s.request()
		r.Progress = func(p Progress) {
			if p.Phase == Waiting {
				waiting <- struct{}{}
			}
		}
		_, errs[i] = c.Fetch(t.Context(), r)
	}
	wg.Go(func() { fetch(10) })
	<-arrived
	for i := range 10 {
		wg.Go(func() { fetch(i) })
	}
	for range 10 {
		<-waiting
	}
	all, err := c.List()
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.True(t, all[0].Busy)
	gone, err := c.Clean(false)
	require.NoError(t, err)
	require.Empty(t, gone, "what somebody fetches stays")
	close(release)
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Len(t, s.ranges(), 1)
}

func TestClean(t *testing.T) {
	data := goodImage(t)
	s, c := newServer(t, data), newCache(t)
	gone, err := c.Clean(false)
	require.NoError(t, err)
	require.Empty(t, gone)
	e, err := c.Fetch(t.Context(), s.request())
	require.NoError(t, err)
	other := s.request()
	other.URL += "?other"
	s.will(s.breakOff(100), header("X", "", 404, ""))
	_, err = c.Fetch(t.Context(), other)
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	require.NoError(t, os.Mkdir(filepath.Join(c.Dir, "damaged"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(c.Dir, "damaged", entryFile), []byte("{"), 0o600))
	_, err = c.List()
	require.ErrorContains(t, err, "damaged")

	gone, err = c.Clean(true)
	require.NoError(t, err)
	require.Len(t, gone, 2)
	held, err := c.Hold(t.Context(), e)
	require.NoError(t, err)
	gone, err = c.Clean(false)
	require.NoError(t, err)
	require.Empty(t, gone, "what is held stays")
	require.NoError(t, held.Close())
	gone, err = c.Clean(false)
	require.NoError(t, err)
	require.Len(t, gone, 1)
	all, err := c.List()
	require.NoError(t, err)
	require.Empty(t, all)
}

func TestRequests(t *testing.T) {
	for url, class := range map[string]error{
		"": vzcontract.ErrValidation, "file:///x": vzcontract.ErrValidation, "https://": vzcontract.ErrValidation,
		"https://a:b@c/x": vzcontract.ErrValidation, "http://example.com/x": vzcontract.ErrDenied,
	} {
		_, err := Cache{Dir: t.TempDir()}.Fetch(t.Context(), Request{URL: url})
		require.ErrorIs(t, err, class, url)
		require.NotContains(t, err.Error(), "a:b")
	}
	for _, bad := range []string{"x", "ABCD", digest(nil) + "0", "F" + digest(nil)[1:]} {
		_, err := Cache{Dir: t.TempDir()}.Fetch(t.Context(), Request{URL: "https://example.com/x", SHA256: bad})
		require.ErrorIs(t, err, vzcontract.ErrValidation, bad)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		return path
	}
	img, err := Open(file("good", goodImage(t)))
	require.NoError(t, err)
	require.Equal(t, "15.6.1 24G90", img.Version+" "+img.Build)
	_, err = Open(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	for name, data := range map[string][]byte{
		"text": []byte("hello"), "cut off": goodImage(t)[:1<<20],
		"of an iPhone": restoreImage(t, "18.2", "22C152", []string{"iPhone16,1"}, 10), "no version": restoreImage(t, "", "1", []string{VirtualMac}, 10),
	} {
		_, err := Open(file(name, data))
		require.ErrorIs(t, err, vzcontract.ErrValidation, name)
		t.Log(err)
	}
	_, err = Open(dir)
	require.ErrorIs(t, err, vzcontract.ErrValidation)
}
