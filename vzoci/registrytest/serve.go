package registrytest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"
)

// serve notes the request, lets the faults have it and then answers.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, Request{
		Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery,
		Range: r.Header.Get("Range"), Authorization: r.Header.Get("Authorization"),
	})
	var fault Fault
	for i := range s.faults {
		if f := &s.faults[i]; f.left != 0 && f.match(r) {
			f.left--
			fault = f.fault
			break
		}
	}
	s.mu.Unlock()
	next := http.HandlerFunc(s.answer)
	if fault != nil {
		fault(w, r, next)
		return
	}
	next(w, r)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == tokenPath {
		s.giveToken(w, r)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/v2/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	if !s.admit(w, r, path) {
		return
	}
	repository, kind, locator := split(path)
	switch kind {
	case "":
		w.WriteHeader(http.StatusOK)
	case "manifests":
		s.serveManifest(w, r, repository, locator)
	case "blobs":
		s.serveBlob(w, r, repository, locator)
	case "uploads":
		s.serveUpload(w, r, repository, locator)
	case "tags":
		s.serveTags(w, repository)
	default:
		http.NotFound(w, r)
	}
}

// split takes repository, kind and name out of a path below /v2/.
func split(path string) (repository, kind, locator string) {
	for _, mark := range []string{"/blobs/uploads/", "/blobs/", "/manifests/", "/tags/"} {
		if i := strings.LastIndex(path, mark); i > 0 {
			parts := strings.Split(strings.Trim(mark, "/"), "/")
			return path[:i], parts[len(parts)-1], path[i+len(mark):]
		}
	}
	return "", path, ""
}

func (s *Server) serveManifest(w http.ResponseWriter, r *http.Request, repository, locator string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Method == http.MethodPut {
		s.storeManifest(w, r, repository, locator)
		return
	}
	known, ok := s.manifests[repository]
	if !ok {
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
		return
	}
	m, ok := known[locator]
	if !ok {
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	}
	w.Header().Set("Content-Type", string(m.mediaType))
	w.Header().Set("Docker-Content-Digest", Digest(m.raw).String())
	w.Header().Set("Content-Length", strconv.Itoa(len(m.raw)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(m.raw)
	}
}

// storeManifest must be called with mu held.
func (s *Server) storeManifest(w http.ResponseWriter, r *http.Request, repository, locator string) {
	var raw bytes.Buffer
	if _, err := raw.ReadFrom(r.Body); err != nil {
		return // the client is gone
	}
	var doc struct {
		Config    struct{ Digest string }
		Layers    []struct{ Digest string }
		Manifests []struct{ Digest string }
	}
	if json.Unmarshal(raw.Bytes(), &doc) != nil {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", "not JSON")
		return
	}
	needed := doc.Layers
	if doc.Config.Digest != "" {
		needed = append(needed, doc.Config)
	}
	for _, b := range needed {
		if !s.linked[repository+" "+b.Digest] {
			refuse(w, http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", b.Digest)
			return
		}
	}
	for _, m := range doc.Manifests {
		if _, ok := s.manifests[repository][m.Digest]; !ok {
			refuse(w, http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", m.Digest)
			return
		}
	}
	m := manifest{types.MediaType(r.Header.Get("Content-Type")), raw.Bytes()}
	s.put(repository, locator, m)
	s.put(repository, Digest(m.raw).String(), m)
	w.WriteHeader(http.StatusCreated)
}

func (s *Server) serveBlob(w http.ResponseWriter, r *http.Request, repository, digest string) {
	s.mu.Lock()
	data, ok := s.blobs[digest]
	ok = ok && s.linked[repository+" "+digest]
	s.mu.Unlock()
	if !ok {
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if w.Header().Get("ETag") == "" {
		w.Header().Set("ETag", `"`+digest+`"`)
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

func (s *Server) serveTags(w http.ResponseWriter, repository string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tags := []string{}
	for t := range s.manifests[repository] {
		if !strings.Contains(t, ":") {
			tags = append(tags, t)
		}
	}
	if s.manifests[repository] == nil {
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
		return
	}
	slices.Sort(tags)
	_ = json.NewEncoder(w).Encode(map[string]any{"name": repository, "tags": tags})
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message)
}
