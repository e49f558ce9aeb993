package ipsw

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vz.internal/vzcontract"
)

const (
	idleTimeout    = time.Minute // without a byte ends a try
	maxTries       = 6           // in a row without progress
	enoughProgress = 1 << 20     // in one try makes the failures before it forgotten
	maxRedirects   = 5
	maxRetryAfter  = 2 * time.Minute
)

// transient marks a failure that may not happen again.
type transient struct {
	err   error
	after time.Duration // the server's wish; 0 is none
}

func (t *transient) Error() string   { return t.err.Error() }
func (t *transient) Unwrap() []error { return []error{t.err, vzcontract.ErrUnavailable} }

// transfer brings what is missing of the file.
func (c Cache) transfer(ctx context.Context, r Request, p *partial) error {
	for failed := 0; ; {
		before := p.at
		err := c.once(ctx, r, p)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if p.at-before >= enoughProgress {
			failed = 0
		}
		failed++
		var t *transient
		if !errors.As(err, &t) || failed >= maxTries || t.after > maxRetryAfter {
			return err
		}
		if err := c.pause(ctx, failed, t.after); err != nil {
			return err
		}
	}
}

func (c Cache) pause(ctx context.Context, failed int, after time.Duration) error {
	d := min(200*time.Millisecond<<failed, 10*time.Second)
	d = max(d/2+rand.N(d/2), after) //nolint:gosec // jitter, not a secret
	if c.Wait != nil {
		return c.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// client returns one that does not leave the host that was asked.
func (c Cache) client() *http.Client {
	client := http.Client{Transport: http.DefaultTransport}
	if c.Client != nil {
		client = *c.Client
	}
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		first := via[0].URL
		switch {
		case len(via) > maxRedirects:
			return vzcontract.Errorf(vzcontract.ErrDenied, "%s redirects without end", first.Host)
		case next.URL.Host != first.Host:
			return vzcontract.Errorf(vzcontract.ErrDenied, "%s redirects to another host, %s; if that is right, ask for %s itself", first.Host, next.URL.Host, next.URL.Redacted())
		case next.URL.Scheme != first.Scheme:
			return vzcontract.Errorf(vzcontract.ErrDenied, "%s redirects from %s to %s", first.Host, first.Scheme, next.URL.Scheme)
		}
		return nil
	}
	return &client
}

// once makes one request and takes what comes.
func (c Cache) once(ctx context.Context, r Request, p *partial) error {
	tryCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	idle := time.AfterFunc(idleTimeout, cancel)
	defer idle.Stop()
	req, err := http.NewRequestWithContext(tryCtx, http.MethodGet, r.URL, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept-Encoding", "identity")
	strong := strongETag(p.version.ETag)
	if p.at > 0 && !strong && r.SHA256 == "" {
		// Nothing would tell that the rest is of another file.
		if err := p.restart(); err != nil {
			return err
		}
	}
	if p.at > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(p.at, 10)+"-")
		if strong {
			req.Header.Set("If-Range", p.version.ETag)
		}
	}
	resp, err := c.client().Do(req)
	if err != nil {
		return explain(ctx, r, err)
	}
	defer resp.Body.Close()
	if err := c.accept(r, p, resp); err != nil {
		return err
	}
	return c.copy(ctx, r, p, resp.Body, idle)
}

func strongETag(etag string) bool { return etag != "" && !strings.HasPrefix(etag, "W/") }

// explain words what a client or a connection says.
func explain(ctx context.Context, r Request, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, context.Canceled): // ours: nothing came
		return &transient{err: fmt.Errorf("fetch %s: the server sent nothing for %v", r.URL, idleTimeout)}
	case errors.Is(err, vzcontract.ErrDenied):
		return fmt.Errorf("fetch the restore image: %w", err)
	}
	return &transient{err: fmt.Errorf("fetch the restore image: %w", err)}
}

// accept looks at an answer's head. When it returns nil the body goes on where p ends.
func (c Cache) accept(r Request, p *partial, resp *http.Response) error {
	v := version{URL: r.URL, ETag: resp.Header.Get("ETag")}
	switch resp.StatusCode {
	case http.StatusOK:
		if p.at > 0 { // another version, or a server that cannot go on
			if err := p.restart(); err != nil {
				return err
			}
		}
		v.Size = resp.ContentLength
	case http.StatusPartialContent:
		start, total, ok := contentRange(resp.Header.Get("Content-Range"))
		switch {
		case !ok:
			return invalid(r, "it answers with a part but does not say which")
		case p.at == 0:
			return invalid(r, "it answers with a part that nobody asked for")
		case start != p.at || total != p.version.Size || v.ETag != p.version.ETag:
			return p.startOver("the server goes on with byte %d of %d, version %q, in place of byte %d of %d, version %q",
				start, total, v.ETag, p.at, p.version.Size, p.version.ETag)
		}
		v.Size = total
	case http.StatusRequestedRangeNotSatisfiable:
		return p.startOver("the server has fewer bytes than it said")
	default:
		return status(r, resp)
	}
	switch encoding, kind := resp.Header.Get("Content-Encoding"), resp.Header.Get("Content-Type"); {
	case encoding != "" && encoding != "identity":
		return invalid(r, "it sends the file packed with %s, which nobody asked for", encoding)
	case strings.HasPrefix(kind, "text/") || strings.HasPrefix(kind, "application/json") || strings.HasPrefix(kind, "application/xml"):
		return invalid(r, "it sends a page (%s) in place of a file; is the address right?", kind)
	case v.Size <= 0:
		return invalid(r, "it does not say how long the file is")
	case v.Size > maxSize:
		return invalid(r, "it wants to send %d bytes, and no restore image has more than %d", v.Size, int64(maxSize))
	case r.Size != 0 && r.Size != v.Size:
		return invalid(r, "its file has %d bytes, the restore image %d", v.Size, r.Size)
	}
	if err := c.room(p.dir, v.Size-p.at); err != nil {
		return err
	}
	return p.become(v)
}

// status words an answer that is no file.
func status(r Request, resp *http.Response) error {
	err := fmt.Errorf("fetch %s: the server answers %s", r.URL, resp.Status)
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound || code == http.StatusGone:
		return vzcontract.Errorf(vzcontract.ErrNotFound, "%w; Apple takes old images away: see vz vm base list for others", err)
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		after, convErr := strconv.Atoi(resp.Header.Get("Retry-After"))
		if convErr != nil || after < 0 {
			after = 0
		}
		return &transient{err: err, after: time.Duration(min(after, 3600)) * time.Second}
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return vzcontract.Errorf(vzcontract.ErrDenied, "%w", err)
	}
	return vzcontract.Errorf(vzcontract.ErrUnavailable, "%w", err)
}

func invalid(r Request, format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, "fetch %s: the server is wrong: %s", r.URL, fmt.Sprintf(format, args...))
}

// contentRange reads "bytes 5-9/10".
func contentRange(text string) (start, total int64, ok bool) {
	span, found := strings.CutPrefix(text, "bytes ")
	span, whole, cut := strings.Cut(span, "/")
	first, last, dash := strings.Cut(span, "-")
	start, err1 := strconv.ParseInt(first, 10, 64)
	end, err2 := strconv.ParseInt(last, 10, 64)
	total, err3 := strconv.ParseInt(whole, 10, 64)
	return start, total, found && cut && dash && errors.Join(err1, err2, err3) == nil && start >= 0 && start <= end && end == total-1
}

// copy takes the body until the file is whole.
func (c Cache) copy(ctx context.Context, r Request, p *partial, body io.Reader, idle *time.Timer) error {
	buffer := make([]byte, 256<<10)
	for {
		n, err := body.Read(buffer)
		idle.Reset(idleTimeout)
		if n > 0 {
			if int64(n) > p.version.Size-p.at {
				return cmp.Or(p.restart(), invalid(r, "it sends more than the %d bytes that it said", p.version.Size))
			}
			if p.at == 0 && !bytes.HasPrefix(buffer[:n], []byte("PK")[:min(n, 2)]) {
				return cmp.Or(p.restart(), invalid(r, "what it sends is no restore image: it begins with %q", buffer[:min(n, 20)]))
			}
			if _, err := p.Write(buffer[:n]); err != nil {
				return err
			}
			r.tell(Downloading, p.at, p.version.Size)
		}
		switch {
		case err == nil:
		case p.complete():
			return nil
		case err == io.EOF:
			return &transient{err: fmt.Errorf("fetch %s: the connection ended after %d of %d bytes", r.URL, p.at, p.version.Size)}
		default:
			return explain(ctx, r, err)
		}
	}
}
