package registrytest

import (
	"net/http"
	"strconv"
	"strings"
)

// A Fault answers a request in place of the registry, or lets next do part of
// it.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler)

// A Match chooses requests.
type Match func(*http.Request) bool

type injected struct {
	match Match
	fault Fault
	left  int // times; negative is for ever
}

// Always is a number of times for [Server.Inject].
const Always = -1

// Inject makes the next times requests that match suffer fault. Of several
// faults that match, the one injected first comes first.
func (s *Server) Inject(match Match, times int, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, injected{match, fault, times})
}

// Heal removes all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Path matches requests of method whose path contains part; "" for any.
func Path(method, part string) Match {
	return func(r *http.Request) bool {
		return (method == "" || r.Method == method) && strings.Contains(r.URL.Path, part)
	}
}

// Status answers with a status and a header or two: Status(429, "Retry-After", "1").
func Status(status int, header ...string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

// ResetAfter sends n bytes of the answer's body and cuts the connection.
func ResetAfter(n int64) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(&limited{ResponseWriter: w, left: n}, r)
		panic(http.ErrAbortHandler)
	}
}

// ResetUpload reads n bytes of the request's body, lets the registry keep
// them, and cuts the connection.
func ResetUpload(n int64) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		r.Body = &shortBody{ReadCloser: r.Body, left: n}
		next.ServeHTTP(&limited{ResponseWriter: w, left: 0}, r)
		panic(http.ErrAbortHandler)
	}
}

// NoRange answers as a server that does not know Range.
func NoRange(w http.ResponseWriter, r *http.Request, next http.Handler) {
	r.Header.Del("Range")
	r.Header.Del("If-Range")
	next.ServeHTTP(w, r)
}

// ETag names the version of what is sent.
func ETag(tag string) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		w.Header().Set("ETag", tag)
		next.ServeHTTP(w, r)
	}
}

// Corrupt changes the body's first byte.
func Corrupt(w http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(&corrupting{ResponseWriter: w}, r)
}

// Truncate sends the first n bytes and says that this is all.
func Truncate(n int64) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(&limited{ResponseWriter: &rewritten{ResponseWriter: w, change: noLength}, left: n}, r)
	}
}

// Append sends more bytes than there are.
func Append(extra []byte) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		whole := &rewritten{ResponseWriter: w, change: noLength}
		next.ServeHTTP(whole, r)
		_, _ = whole.Write(extra)
	}
}

// Hold sends n bytes of the body, tells reached, and goes on when release is
// closed or the client is gone.
func Hold(n int64, reached chan<- struct{}, release <-chan struct{}) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(&holding{ResponseWriter: w, left: n, stop: func() {
			if f, ok := w.(http.Flusher); ok {
				f.Flush()
			}
			select {
			case reached <- struct{}{}:
			case <-r.Context().Done():
				return
			}
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}}, r)
	}
}

// Redirect sends the client elsewhere.
func Redirect(url string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, url, http.StatusTemporaryRedirect)
	}
}

// ContentLength claims a size that the body does not have.
func ContentLength(n int64) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(&rewritten{ResponseWriter: w, change: func(h http.Header) { h.Set("Content-Length", strconv.FormatInt(n, 10)) }}, r)
	}
}
