package registrytest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A Server is a registry. It is safe for concurrent use.
type Server struct {
	http *httptest.Server

	mu        sync.Mutex
	access    *access                        // guarded by mu; nil lets all in
	blobs     map[string][]byte              // guarded by mu; by digest
	linked    map[string]bool                // guarded by mu; "repository digest"
	manifests map[string]map[string]manifest // guarded by mu; repository, tag or digest
	uploads   map[string]*upload             // guarded by mu
	sessions  int                            // guarded by mu; uploads ever begun
	faults    []injected                     // guarded by mu
	requests  []Request                      // guarded by mu
}

type manifest struct {
	mediaType types.MediaType
	raw       []byte
}

// A Request is what the server was asked.
type Request struct {
	Method, Path  string
	Range         string
	Authorization string
	Query         string
}

// New starts a registry that speaks plain http until the test ends.
func New(t testing.TB) *Server { return start(t, httptest.NewUnstartedServer(nil), false) }

// NewTLS starts a registry with a certificate that nobody trusts but those who
// ask [Server.CertificatePEM].
func NewTLS(t testing.TB) *Server { return start(t, httptest.NewUnstartedServer(nil), true) }

func start(t testing.TB, h *httptest.Server, secure bool) *Server {
	s := &Server{
		http:      h,
		blobs:     map[string][]byte{},
		linked:    map[string]bool{},
		manifests: map[string]map[string]manifest{},
		uploads:   map[string]*upload{},
	}
	h.Config.Handler = http.HandlerFunc(s.serve)
	if secure {
		h.StartTLS()
	} else {
		h.Start()
	}
	t.Cleanup(h.Close)
	return s
}

// Host returns the registry's name: "127.0.0.1:PORT".
func (s *Server) Host() string { return s.http.Listener.Addr().String() }

// URL returns the base URL.
func (s *Server) URL() string { return s.http.URL }

// AddBlob stores a blob in a repository.
func (s *Server) AddBlob(repository string, data []byte) v1.Hash {
	d := Digest(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[d.String()] = data
	s.linked[repository+" "+d.String()] = true
	return d
}

// AddManifest stores a manifest under its digest and, if not empty, tag.
func (s *Server) AddManifest(repository, tag string, mediaType types.MediaType, raw []byte) v1.Hash {
	d := Digest(raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(repository, d.String(), manifest{mediaType, raw})
	if tag != "" {
		s.put(repository, tag, manifest{mediaType, raw})
	}
	return d
}

// put must be called with mu held.
func (s *Server) put(repository, locator string, m manifest) {
	if s.manifests[repository] == nil {
		s.manifests[repository] = map[string]manifest{}
	}
	s.manifests[repository][locator] = m
}

// Manifest returns what is stored under a tag or digest, nil for nothing.
func (s *Server) Manifest(repository, locator string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.manifests[repository][locator].raw
}

// Blob returns a stored blob, nil for none.
func (s *Server) Blob(d v1.Hash) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.blobs[d.String()]
}

// Requests returns the requests so far whose path contains part.
func (s *Server) Requests(part string) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Request
	for _, r := range s.requests {
		if strings.Contains(r.Path, part) {
			list = append(list, r)
		}
	}
	return list
}

// Forget empties the list of requests.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// Digest returns the sha256 digest of data.
func Digest(data []byte) v1.Hash {
	sum := sha256.Sum256(data)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

// Close stops the registry before the test ends.
func (s *Server) Close() { s.http.Close() }
