package registry

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzcontract"
)

// An Upload is a blob to push.
type Upload struct {
	Digest string
	Size   int64
	// Open returns the bytes from offset on. It is called once for each try.
	Open func(offset int64) (io.ReadCloser, error)
	// MountFrom is another repository of the same registry that may have the
	// blob; "" for none.
	MountFrom string
}

// HasBlob asks whether the repository itself (not a mirror) has the blob.
func (r *Repository) HasBlob(ctx context.Context, digest string) (bool, error) {
	return r.exists(ctx, request{method: http.MethodHead, path: r.name + "/blobs/" + digest, scope: pushScope(r.name)}, "blob "+digest)
}

// HasManifest asks whether the repository has the manifest of that digest.
func (r *Repository) HasManifest(ctx context.Context, digest string) (bool, error) {
	rq := r.client.registryEndpoint(r.registry).manifestRequest(http.MethodHead, r.name, digest)
	rq.scope = pushScope(r.name)
	return r.exists(ctx, rq, "manifest "+digest)
}

func (r *Repository) exists(ctx context.Context, rq request, thing string) (found bool, err error) {
	e := r.client.registryEndpoint(r.registry)
	err = r.client.retry(ctx, func() error {
		resp, err := e.do(ctx, rq)
		if err != nil {
			return err
		}
		defer drain(resp)
		switch resp.StatusCode {
		case http.StatusOK:
			found = true
			return nil
		case http.StatusNotFound:
			return nil
		}
		return e.failure(resp, r.name, thing)
	})
	return found, err
}

// PushBlob stores a blob. A broken upload goes on where the registry says that
// it stopped. Progress, if set, is told how many bytes were sent.
func (r *Repository) PushBlob(ctx context.Context, up Upload, progress func(int64)) error {
	e := r.client.registryEndpoint(r.registry)
	leave, err := r.client.enter(ctx, e.host)
	if err != nil {
		return err
	}
	defer leave()
	p := &pushing{endpoint: e, repository: r.name, up: up, progress: progress}
	tries := r.client.Tries()
	for {
		before := p.offset
		err := p.try(ctx)
		if err == nil {
			return nil
		}
		if p.offset > before {
			tries.Progress()
		}
		if err := tries.Again(ctx, err); err != nil {
			return err
		}
	}
}

// pushing is one upload session and what is known of it.
type pushing struct {
	endpoint   *endpoint
	repository string
	up         Upload
	progress   func(int64)
	location   *url.URL // nil: no session
	offset     int64    // bytes that the registry has

	mu       sync.Mutex
	counting *counted // the body of the newest request; guarded by mu
}

// try goes as far as it can: a session, the bytes, the closing request.
func (p *pushing) try(ctx context.Context) error {
	if p.location != nil {
		if err := p.recall(ctx); err != nil {
			return err
		}
	}
	if p.location == nil {
		mounted, err := p.begin(ctx)
		if err != nil || mounted {
			return err
		}
	}
	if p.offset < p.up.Size {
		if err := p.patch(ctx); err != nil {
			return err
		}
	}
	return p.finish(ctx)
}

// begin opens a session, or finds that the registry could mount the blob.
func (p *pushing) begin(ctx context.Context) (mounted bool, err error) {
	rq := request{method: http.MethodPost, path: p.repository + "/blobs/uploads/", scope: pushScope(p.repository)}
	if p.up.MountFrom != "" {
		rq.query = url.Values{"mount": {p.up.Digest}, "from": {p.up.MountFrom}}
		rq.scope += " " + pullScope(p.up.MountFrom)
	}
	resp, err := p.do(ctx, rq)
	if err != nil {
		return false, err
	}
	defer drain(resp)
	switch resp.StatusCode {
	case http.StatusCreated:
		return true, nil
	case http.StatusAccepted:
		p.offset = 0
		return false, p.moved(resp)
	}
	return false, p.failure(resp)
}

// patch sends the bytes that the registry lacks.
func (p *pushing) patch(ctx context.Context) error {
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	if p.offset > 0 {
		header.Set("Content-Range", fmt.Sprintf("%d-%d", p.offset, p.up.Size-1))
	}
	resp, err := p.do(ctx, request{
		method: http.MethodPatch, url: p.location, header: header,
		size: p.up.Size - p.offset, scope: pushScope(p.repository),
		body: func() (io.ReadCloser, error) {
			body, err := p.up.Open(p.offset)
			if err != nil {
				return nil, err
			}
			return p.count(body), nil
		},
	})
	if err != nil {
		return err
	}
	defer drain(resp)
	if resp.StatusCode != http.StatusAccepted && resp.StatusCode != http.StatusNoContent {
		return p.failure(resp)
	}
	p.offset = p.up.Size
	return p.moved(resp)
}

// finish closes the session; the registry verifies the digest.
func (p *pushing) finish(ctx context.Context) error {
	u := *p.location
	q := u.Query()
	q.Set("digest", p.up.Digest)
	u.RawQuery = q.Encode()
	resp, err := p.do(ctx, request{method: http.MethodPut, url: &u, scope: pushScope(p.repository)})
	if err != nil {
		return err
	}
	defer drain(resp)
	if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusNoContent {
		p.location = nil // whatever it holds is not the blob
		return p.failure(resp)
	}
	return nil
}

// recall asks how much of the session arrived. A forgotten one starts over.
func (p *pushing) recall(ctx context.Context) error {
	resp, err := p.do(ctx, request{method: http.MethodGet, url: p.location, scope: pushScope(p.repository)})
	if err != nil {
		return err
	}
	defer drain(resp)
	if resp.StatusCode != http.StatusNoContent {
		p.location = nil
		return nil
	}
	p.offset = 0
	if _, last, ok := strings.Cut(resp.Header.Get("Range"), "-"); ok {
		n, err := strconv.ParseInt(last, 10, 64)
		if err == nil && n > 0 && n < p.up.Size {
			p.offset = n + 1
		}
	}
	return p.moved(resp)
}

// moved takes the session's next address from an answer that may carry one.
func (p *pushing) moved(resp *http.Response) error {
	location := resp.Header.Get("Location")
	if location == "" && p.location != nil {
		return nil
	}
	u, err := resp.Request.URL.Parse(location)
	if err != nil || location == "" {
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "registry %s gave no usable upload address", p.endpoint.name)
	}
	if u.Scheme != "https" && resp.Request.URL.Scheme == "https" {
		return vzcontract.Errorf(vzcontract.ErrDenied, "registry %s wants an upload without TLS, which is refused", p.endpoint.name)
	}
	p.location = u
	return nil
}

func (p *pushing) do(ctx context.Context, rq request) (*http.Response, error) {
	return p.endpoint.do(ctx, rq)
}

func (p *pushing) failure(resp *http.Response) error {
	return p.endpoint.failure(resp, p.repository, "blob "+p.up.Digest)
}

// counted is a request's body that tells how much of the blob was read.
type counted struct {
	io.ReadCloser
	sent int64
	push *pushing
}

// count makes body the one that tells the progress. The body of an earlier
// request that failed may still be read for a while, and is silent from now on.
func (p *pushing) count(body io.ReadCloser) *counted {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counting = &counted{ReadCloser: body, sent: p.offset, push: p}
	return p.counting
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.sent += int64(n)
	c.push.mu.Lock()
	defer c.push.mu.Unlock()
	if c.push.progress != nil && n > 0 && c.push.counting == c {
		c.push.progress(c.sent)
	}
	return n, err
}

// PushManifest stores a manifest under locator: a tag, or its own digest.
func (r *Repository) PushManifest(ctx context.Context, locator string, mediaType types.MediaType, raw []byte) error {
	e := r.client.registryEndpoint(r.registry)
	return r.client.retry(ctx, func() error {
		resp, err := e.do(ctx, request{
			method: http.MethodPut,
			path:   r.name + "/manifests/" + locator,
			header: http.Header{"Content-Type": {string(mediaType)}},
			body:   func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(string(raw))), nil },
			size:   int64(len(raw)),
			scope:  pushScope(r.name),
		})
		if err != nil {
			return err
		}
		defer drain(resp)
		if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusOK {
			return e.failure(resp, r.name, thing(locator))
		}
		return nil
	})
}
