package registry

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"sync"
)

// An endpoint is one host that speaks the protocol: a registry or a mirror.
type endpoint struct {
	client   *Client
	name     string // as the user knows it
	host     string
	prefix   string // before the repository, for mirrors
	insecure bool
	auth     *authorizer

	probe  sync.Mutex // held while the scheme is found out
	scheme string     // guarded by probe; "" until known
}

// request is one request to an endpoint.
type request struct {
	method string
	path   string   // below /v2/; or
	url    *url.URL // complete, as an upload's Location
	query  url.Values
	header http.Header
	body   func() (io.ReadCloser, error) // opened anew for each try; may be nil
	size   int64
	scope  string // the token's scope; "" for none
}

// mayBePlain reports whether plain http is allowed here.
func (e *endpoint) mayBePlain() bool { return e.insecure || isLoopback(e.host) }

// base returns the URL that paths are relative to.
func (e *endpoint) base(ctx context.Context) (*url.URL, error) {
	e.probe.Lock()
	defer e.probe.Unlock()
	if e.scheme == "" {
		scheme, err := e.findScheme(ctx)
		if err != nil {
			return nil, err
		}
		e.scheme = scheme
	}
	return &url.URL{Scheme: e.scheme, Host: e.host, Path: "/v2/"}, nil
}

// findScheme tries https first where plain http is allowed, and takes http if
// the other side does not speak TLS.
func (e *endpoint) findScheme(ctx context.Context) (string, error) {
	if !e.mayBePlain() {
		return "https", nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+e.host+"/v2/", nil)
	if err != nil {
		return "", e.unreachable(err)
	}
	resp, err := e.client.http.Do(req)
	if err == nil {
		drain(resp)
		return "https", nil
	}
	if speaksNoTLS(err) {
		return "http", nil
	}
	return "", e.unreachable(err)
}

// do sends rq with the authorisation that the endpoint wants and returns the
// answer, whatever its status. A refused authorisation is an error.
func (e *endpoint) do(ctx context.Context, rq request) (*http.Response, error) {
	base, err := e.base(ctx)
	if err != nil {
		return nil, err
	}
	u := rq.url
	if u == nil {
		u = base.JoinPath(rq.path)
		if rq.path == "" {
			u = base
		}
		u.RawQuery = rq.query.Encode()
	}
	for try := 0; ; try++ {
		resp, used, err := e.send(ctx, u, rq)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusUnauthorized {
			return resp, nil
		}
		answer := e.failure(resp, "", "")
		drain(resp)
		if try == 2 {
			return nil, e.auth.denied(answer)
		}
		if err := e.auth.learn(resp.Header, rq.scope, used); err != nil {
			return nil, err
		}
		if used && e.auth.isBasic() {
			return nil, e.auth.denied(answer)
		}
	}
}

// send sends rq once. Used tells whether it carried an authorisation.
func (e *endpoint) send(ctx context.Context, u *url.URL, rq request) (resp *http.Response, used bool, err error) {
	var body io.ReadCloser
	if rq.body != nil {
		if body, err = rq.body(); err != nil {
			return nil, false, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, rq.method, u.String(), body)
	if err != nil {
		return nil, false, e.unreachable(err)
	}
	for k, v := range rq.header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", e.client.opts.UserAgent)
	req.ContentLength = rq.size
	if rq.body == nil {
		req.Body = nil
	} else if rq.size == 0 {
		req.Body = http.NoBody
	}
	if u.Host == e.host {
		value, err := e.auth.header(ctx, rq.scope)
		if err != nil {
			return nil, false, err
		}
		if value != "" {
			req.Header.Set("Authorization", value)
			used = true
		}
	}
	resp, err = e.client.http.Do(req)
	if err != nil {
		return nil, used, e.unreachable(err)
	}
	return resp, used, nil
}

// repository returns the path of name at this endpoint.
func (e *endpoint) repository(name string) string { return e.prefix + name }
