package registrytest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// upload is one upload session.
type upload struct {
	repository string
	data       []byte
}

func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request, repository, id string) {
	if r.Method == http.MethodPost {
		s.beginUpload(w, r, repository)
		return
	}
	s.mu.Lock()
	up, ok := s.uploads[id]
	s.mu.Unlock()
	if !ok {
		refuse(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "upload unknown")
		return
	}
	switch r.Method {
	case http.MethodGet:
		s.told(w, id, up, http.StatusNoContent)
	case http.MethodPatch:
		s.patch(w, r, id, up)
	case http.MethodPut:
		s.finish(w, r, id, up)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

func (s *Server) beginUpload(w http.ResponseWriter, r *http.Request, repository string) {
	q := r.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := q.Get("mount"); d != "" && s.linked[q.Get("from")+" "+d] {
		s.linked[repository+" "+d] = true
		w.WriteHeader(http.StatusCreated)
		return
	}
	s.sessions++ // ended ones are deleted, so their number is no id
	id := fmt.Sprintf("session-%d", s.sessions)
	s.uploads[id] = &upload{repository: repository}
	w.Header().Set("Location", "/v2/"+repository+"/blobs/uploads/"+id)
	w.WriteHeader(http.StatusAccepted)
}

// patch keeps what arrives, also of a body that breaks off.
func (s *Server) patch(w http.ResponseWriter, r *http.Request, id string, up *upload) {
	s.mu.Lock()
	have := len(up.data)
	s.mu.Unlock()
	if first, _, ok := strings.Cut(r.Header.Get("Content-Range"), "-"); ok && first != strconv.Itoa(have) {
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		return
	}
	data, err := io.ReadAll(r.Body)
	s.mu.Lock()
	up.data = append(up.data, data...)
	s.mu.Unlock()
	if err == nil {
		s.told(w, id, up, http.StatusAccepted)
	} else if !errors.Is(err, io.ErrUnexpectedEOF) {
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) finish(w http.ResponseWriter, r *http.Request, id string, up *upload) {
	s.mu.Lock()
	defer s.mu.Unlock()
	digest := r.URL.Query().Get("digest")
	if Digest(up.data).String() != digest {
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content")
		return
	}
	s.blobs[digest] = up.data
	s.linked[up.repository+" "+digest] = true
	delete(s.uploads, id)
	w.WriteHeader(http.StatusCreated)
}

func (s *Server) told(w http.ResponseWriter, id string, up *upload, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Location", "/v2/"+up.repository+"/blobs/uploads/"+id)
	w.Header().Set("Range", fmt.Sprintf("0-%d", max(0, len(up.data)-1)))
	w.WriteHeader(status)
}
