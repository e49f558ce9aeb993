package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"vz.internal/vzcontract"
)

// A statusError is an answer that is not a success.
type statusError struct {
	status  int
	code    string // the protocol's: MANIFEST_UNKNOWN, …
	text    string
	class   error
	message string
}

func (e *statusError) Error() string { return e.text }
func (e *statusError) Unwrap() error { return e.class }

// refusedTries is how often a port that nobody listens on is tried: a registry
// that restarts is back soon, one that is not there stays away.
const refusedTries = 3

const (
	maxErrorBody    = 64 << 10
	maxErrorMessage = 200
)

// failure turns an answer into an error about thing ("tag v1", "blob sha256:…")
// of repository; both may be empty. It does not close the body.
func (e *endpoint) failure(resp *http.Response, repository, thing string) error {
	se := &statusError{status: resp.StatusCode}
	se.code, se.message = readErrorBody(resp.Body)
	said := se.message
	if said == "" {
		said = http.StatusText(se.status)
	}
	where := "registry " + e.name
	if repository != "" {
		where += ", repository " + repository
	}
	if thing != "" {
		where += ", " + thing
	}
	se.class = vzcontract.ErrUnavailable
	switch s := se.status; {
	case s == http.StatusNotFound && se.code == "NAME_UNKNOWN":
		se.class = vzcontract.ErrNotFound
		se.text = fmt.Sprintf("registry %s has no repository %s; check the name", e.name, repository)
	case s == http.StatusNotFound && thing != "":
		se.class = vzcontract.ErrNotFound
		se.text = fmt.Sprintf("registry %s, repository %s: no %s", e.name, repository, thing)
	case s == http.StatusNotFound:
		se.class = vzcontract.ErrNotFound
		se.text = fmt.Sprintf("%s: not found; is it a registry?", where)
	case s == http.StatusUnauthorized:
		se.class = vzcontract.ErrDenied
		se.text = said
	case s == http.StatusForbidden:
		se.class = vzcontract.ErrDenied
		se.text = fmt.Sprintf("%s: %s; log in with an account that may: vz login %s", where, said, e.name)
	case s == http.StatusTooManyRequests:
		se.text = fmt.Sprintf("%s: %s; wait, or log in for a higher limit: vz login %s", where, said, e.name)
	case s >= 500 || s == http.StatusRequestTimeout:
		se.text = fmt.Sprintf("%s: it answers %d: %s; try again later", where, s, said)
	default:
		se.text = fmt.Sprintf("%s: unexpected answer %d: %s", where, s, said)
	}
	switch se.status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &transient{err: se, after: retryAfter(resp.Header, time.Now())}
	}
	return se
}

// readErrorBody reads the protocol's error document, if it is one.
func readErrorBody(r io.Reader) (code, message string) {
	data, err := io.ReadAll(io.LimitReader(r, maxErrorBody))
	if err != nil {
		return "", ""
	}
	var doc struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(data, &doc) != nil || len(doc.Errors) == 0 {
		return "", ""
	}
	return doc.Errors[0].Code, oneLine(doc.Errors[0].Message)
}

// oneLine makes a server's text fit for a terminal.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > maxErrorMessage {
		s = strings.ToValidUTF8(s[:maxErrorMessage], "") + "…"
	}
	return strings.TrimSpace(s)
}

// unreachable explains a request that got no answer. URLs, which may hold
// signatures, do not appear.
func (e *endpoint) unreachable(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && !isTimeoutOfOurs(err) {
		return err
	}
	var (
		ue       *url.Error
		dns      *net.DNSError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
	)
	if errors.As(err, &ue) {
		err = ue.Err
	}
	fail := func(format string, args ...any) error {
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "registry "+e.name+" "+format, args...)
	}
	switch {
	case errors.Is(err, http.ErrSchemeMismatch) || speaksNoTLS(err):
		return fail("does not speak TLS; if you trust the network between: --insecure")
	case errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &invalid):
		return fail("has a certificate that is not trusted: %v; name its CA in registries.json, or use --insecure", err)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fail("cannot be found: no such host %s; check the name", dns.Name)
	case errors.Is(err, errRedirects):
		return fail("does not lead anywhere: %v; check the name, and what stands before the registry", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return &transient{limit: refusedTries, err: fail("cannot be reached: connection refused; does it run?")}
	}
	return &transient{err: fail("cannot be reached: %s; check the network", oneLine(err.Error()))}
}

// broken explains a stream that ended too early.
func (e *endpoint) broken(err error) error {
	if isCancelled(err) {
		return err
	}
	return Transient(vzcontract.Errorf(vzcontract.ErrUnavailable, "registry %s broke the connection off: %s; try again", e.name, oneLine(err.Error())))
}

func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// isTimeoutOfOurs tells a dial or header time-out from the caller's deadline.
func isTimeoutOfOurs(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout() && !errors.Is(err, context.DeadlineExceeded)
}

// speaksNoTLS reports whether a TLS handshake failed because the other side
// does not know the protocol.
func speaksNoTLS(err error) bool {
	var record tls.RecordHeaderError
	return errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &record)
}
