package registry

import (
	"context"
	"net/http"
	"sync"

	"vz.internal/vzoci/auth"
	"vz.internal/vzoci/reference"
)

// maxStreams is how many blobs travel from or to one registry at once.
const maxStreams = 4

// Options of [New]. The zero value is an anonymous client with the system's
// certificates.
type Options struct {
	Credentials auth.Source
	// Settings of the registries: mirrors, CAs, insecure ones.
	Settings *Settings
	// Insecure allows plain http and untrusted certificates for every
	// registry that is asked by name.
	Insecure bool
	Backoff  Backoff
	// UserAgent is sent with each request.
	UserAgent string
}

// A Client talks to registries. It is safe for concurrent use and remembers
// how each registry wants to be talked to.
type Client struct {
	opts Options
	http *http.Client

	mu        sync.Mutex
	endpoints map[string]*endpoint     // guarded by mu; by base URL
	streams   map[string]chan struct{} // guarded by mu; by host
}

// New returns a client. It does no network I/O; a CA file of the settings that
// cannot be read is an error.
func New(opts Options) (*Client, error) {
	if opts.Settings == nil {
		opts.Settings = &Settings{}
	}
	if opts.Credentials == nil {
		opts.Credentials = auth.Static(auth.Credentials{})
	}
	opts.Backoff = opts.Backoff.withDefaults()
	transport, err := newTransport(opts)
	if err != nil {
		return nil, err
	}
	return &Client{
		opts:      opts,
		http:      &http.Client{Transport: transport, CheckRedirect: checkRedirect},
		endpoints: map[string]*endpoint{},
		streams:   map[string]chan struct{}{},
	}, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Repository returns the repository that ref names.
func (c *Client) Repository(ref reference.Reference) *Repository {
	return &Repository{client: c, registry: ref.Registry, name: ref.Repository}
}

// Ping asks the registry whether it lets creds in. Wrong credentials are
// ErrDenied.
func (c *Client) Ping(ctx context.Context, registry string) error {
	e := c.registryEndpoint(registry)
	return c.retry(ctx, func() error {
		resp, err := e.do(ctx, request{method: http.MethodGet, path: ""})
		if err != nil {
			return err
		}
		defer drain(resp)
		if resp.StatusCode != http.StatusOK {
			return e.failure(resp, "", "")
		}
		return nil
	})
}

// A Repository is one repository of a registry, with the registry's mirrors.
type Repository struct {
	client         *Client
	registry, name string
}

// sources returns where to read from: the mirrors in order, then the registry.
func (r *Repository) sources() []*endpoint {
	var list []*endpoint
	for _, m := range r.client.opts.Settings.of(r.registry).Mirrors {
		list = append(list, r.client.mirrorEndpoint(m))
	}
	return append(list, r.client.registryEndpoint(r.registry))
}

func (c *Client) registryEndpoint(registry string) *endpoint {
	host := registry
	if registry == reference.DefaultRegistry {
		host = "registry-1.docker.io"
	}
	return c.endpoint(registry, &endpoint{name: registry, host: host, insecure: c.opts.Insecure || c.opts.Settings.of(registry).Insecure})
}

func (c *Client) mirrorEndpoint(m Mirror) *endpoint {
	return c.endpoint("mirror "+m.URL, &endpoint{
		name: m.host(), host: m.host(), prefix: m.prefix(), scheme: m.scheme(),
		insecure: c.opts.Settings.of(m.host()).Insecure,
	})
}

// endpoint returns the one known as key, or makes fresh that one.
func (c *Client) endpoint(key string, fresh *endpoint) *endpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.endpoints[key]; ok {
		return e
	}
	fresh.client = c
	fresh.auth = &authorizer{endpoint: fresh, tokens: map[string]token{}}
	c.endpoints[key] = fresh
	return fresh
}

// enter waits for one of the registry's stream slots; leave gives it back.
func (c *Client) enter(ctx context.Context, host string) (leave func(), err error) {
	c.mu.Lock()
	slots, ok := c.streams[host]
	if !ok {
		slots = make(chan struct{}, maxStreams)
		c.streams[host] = slots
	}
	c.mu.Unlock()
	select {
	case slots <- struct{}{}:
		return sync.OnceFunc(func() { <-slots }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
