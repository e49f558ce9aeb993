package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vz.internal/vzcontract"
)

// idleTimeout ends a stream that brings nothing for so long.
const idleTimeout = 60 * time.Second

// A BlobStream is a blob's bytes from Offset on. A read error other than the
// caller's own end is transient: ask for the rest in a new stream.
type BlobStream struct {
	body   io.ReadCloser
	end    *endpoint
	caller context.Context //nolint:containedctx // to tell whose end it was
	idle   *time.Timer
	cancel context.CancelFunc
	leave  func()

	// Offset is where the stream starts: the wanted offset, or 0 if the
	// server does not continue there or has another version.
	Offset int64
	// ETag is the server's name of this version; it may be empty.
	ETag string
}

// Blob opens the blob named digest at offset, of the version etag if that is
// not empty. It makes one try at each source and holds one of the registry's
// stream slots until the stream is closed.
func (r *Repository) Blob(ctx context.Context, digest string, offset int64, etag string) (*BlobStream, error) {
	var s *BlobStream
	err := r.fromSources(func(e *endpoint) (err error) {
		s, err = e.blob(ctx, r.name, digest, offset, etag)
		return err
	})
	return s, err
}

func (e *endpoint) blob(ctx context.Context, repository, digest string, offset int64, etag string) (*BlobStream, error) {
	leave, err := e.client.enter(ctx, e.host)
	if err != nil {
		return nil, err
	}
	streamCtx, cancel := context.WithCancel(ctx)
	s := &BlobStream{end: e, caller: ctx, cancel: cancel, leave: leave, idle: time.AfterFunc(2*idleTimeout, cancel)}
	if err := s.open(streamCtx, repository, digest, offset, etag); err != nil {
		err = s.explain(err, func(err error) error { return err })
		s.release()
		return nil, err
	}
	s.idle.Reset(idleTimeout)
	return s, nil
}

func (s *BlobStream) open(ctx context.Context, repository, digest string, offset int64, etag string) error {
	e := s.end
	rq := request{method: http.MethodGet, path: e.repository(repository) + "/blobs/" + digest, scope: pullScope(e.repository(repository)), header: http.Header{}}
	if offset > 0 {
		rq.header.Set("Range", "bytes="+strconv.FormatInt(offset, 10)+"-")
		if etag != "" && !strings.HasPrefix(etag, "W/") {
			rq.header.Set("If-Range", etag)
		}
	}
	resp, err := e.do(ctx, rq)
	if err != nil {
		return err
	}
	s.ETag = resp.Header.Get("ETag")
	switch resp.StatusCode {
	case http.StatusOK:
		s.Offset, s.body = 0, resp.Body
		return nil
	case http.StatusPartialContent:
		changed := etag != "" && s.ETag != "" && s.ETag != etag
		if !changed && rangeStart(resp.Header.Get("Content-Range")) == offset {
			s.Offset, s.body = offset, resp.Body
			return nil
		}
	case http.StatusRequestedRangeNotSatisfiable:
	default:
		defer drain(resp)
		return e.failure(resp, repository, "blob "+digest)
	}
	// The server cannot continue there: take the whole.
	_ = resp.Body.Close()
	if offset == 0 {
		return Transient(fmt.Errorf("registry %s, blob %s: answered with a range that nobody asked for", e.name, digest))
	}
	return s.open(ctx, repository, digest, 0, "")
}

// rangeStart returns the first number of "bytes 5-9/10", -1 if there is none.
func rangeStart(contentRange string) int64 {
	span, ok := strings.CutPrefix(contentRange, "bytes ")
	first, _, found := strings.Cut(span, "-")
	n, err := strconv.ParseInt(first, 10, 64)
	if !ok || !found || err != nil {
		return -1
	}
	return n
}

// Read implements io.Reader.
func (s *BlobStream) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if n > 0 {
		s.idle.Reset(idleTimeout)
	}
	if err != nil && err != io.EOF {
		return n, s.explain(err, s.end.broken)
	}
	return n, err
}

// Close ends the stream. The rest of it is not read.
func (s *BlobStream) Close() error {
	err := s.body.Close()
	s.release()
	return err
}

func (s *BlobStream) release() {
	s.idle.Stop()
	s.cancel()
	s.leave()
}

// explain words a failure. One that our own watchdog caused, not the caller,
// means that nothing came.
func (s *BlobStream) explain(err error, otherwise func(error) error) error {
	if s.caller.Err() == nil && !s.idle.Stop() {
		return Transient(vzcontract.Errorf(vzcontract.ErrUnavailable, "registry %s sent nothing for %v", s.end.name, idleTimeout))
	}
	return otherwise(err)
}
