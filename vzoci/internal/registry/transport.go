package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"vz.internal/vzcontract"
)

const (
	dialTimeout   = 15 * time.Second
	headerTimeout = 60 * time.Second // a cold blob store may take its time
	maxRedirects  = 10
)

// transport chooses by host how certificates are judged, so that trust in one
// registry does not extend to where it redirects.
type transport struct {
	system  *http.Transport
	special map[string]*http.Transport // by host
	all     *http.Transport            // when every registry is insecure, else nil
}

func newTransport(opts Options) (*transport, error) {
	t := &transport{system: baseTransport(&tls.Config{}), special: map[string]*http.Transport{}}
	if opts.Insecure {
		t.all = baseTransport(&tls.Config{InsecureSkipVerify: true}) //nolint:gosec // asked for by the user
	}
	for host, s := range opts.Settings.Registries {
		config := &tls.Config{InsecureSkipVerify: s.Insecure} //nolint:gosec // asked for by the user
		if s.CA != "" {
			pool, err := certPool(s.CA)
			if err != nil {
				return nil, err
			}
			config.RootCAs = pool
		}
		if s.Insecure || s.CA != "" {
			t.special[host] = baseTransport(config)
		}
	}
	return t, nil
}

func baseTransport(config *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   dialTimeout,
		ResponseHeaderTimeout: headerTimeout,
		IdleConnTimeout:       30 * time.Second,
		MaxIdleConnsPerHost:   maxStreams,
		DisableCompression:    true, // blobs are verified as they are stored
		ReadBufferSize:        32 << 10,
		WriteBufferSize:       64 << 10,
	}
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	return t
}

func certPool(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("registry settings: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "registry settings: %s holds no PEM certificate", path)
	}
	return pool, nil
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if special, ok := t.special[req.URL.Host]; ok {
		return special.RoundTrip(req)
	}
	if t.all != nil {
		return t.all.RoundTrip(req)
	}
	return t.system.RoundTrip(req)
}

// CloseIdleConnections is called by http.Client's method of that name.
func (t *transport) CloseIdleConnections() {
	t.system.CloseIdleConnections()
	if t.all != nil {
		t.all.CloseIdleConnections()
	}
	for _, s := range t.special {
		s.CloseIdleConnections()
	}
}

var errRedirects = fmt.Errorf("it redirects more than %d times", maxRedirects)

// checkRedirect keeps credentials on the host that asked for them and refuses
// a step from https down to http.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return errRedirects
	}
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return errors.New("redirect from https to plain http refused")
	}
	if req.URL.Host != via[0].URL.Host {
		req.Header.Del("Authorization")
	}
	return nil
}

// isLoopback reports whether host (with or without a port) is this machine.
func isLoopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && addr.IsLoopback()
}

// drain reads what little is left of an answer, so that its connection can be
// used again, and closes it.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // only for reuse: errors are of no interest
	_ = resp.Body.Close()
}
