package registry

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Backoff says how often and how far apart failed requests are repeated. Zero
// fields take defaults.
type Backoff struct {
	Attempts  int           // in a row without progress; default 6
	Base, Max time.Duration // the first pause and the longest; default 200 ms and 10 s
	// Wait pauses; tests replace it.
	Wait func(ctx context.Context, d time.Duration) error
}

// maxRetryAfter is the longest pause that a server can impose; beyond it the
// user is told instead.
const maxRetryAfter = 2 * time.Minute

func (b Backoff) withDefaults() Backoff {
	if b.Attempts == 0 {
		b.Attempts = 6
	}
	if b.Base == 0 {
		b.Base = 200 * time.Millisecond
	}
	if b.Max == 0 {
		b.Max = 10 * time.Second
	}
	if b.Wait == nil {
		b.Wait = wait
	}
	return b
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Tries counts the failures in a row of one piece of work.
type Tries struct {
	backoff Backoff
	failed  int
}

// Tries returns a fresh counter.
func (c *Client) Tries() *Tries { return &Tries{backoff: c.opts.Backoff} }

// Tries returns a fresh counter.
func (r *Repository) Tries() *Tries { return r.client.Tries() }

// Progress forgets the failures so far.
func (t *Tries) Progress() { t.failed = 0 }

// Again decides about a failure. When another try may help it pauses (with
// jitter, or as long as the server asked for) and returns nil; else it returns
// err, or ctx's error if that ended.
func (t *Tries) Again(ctx context.Context, err error) error {
	var tr *transient
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t.failed++
	if !errors.As(err, &tr) || t.failed >= t.backoff.Attempts || tr.limit > 0 && t.failed >= tr.limit || tr.after > maxRetryAfter {
		return err
	}
	pause := min(t.backoff.Base<<(t.failed-1), t.backoff.Max)
	pause = pause/2 + rand.N(pause/2+1) //nolint:gosec // jitter, not a secret
	if err := t.backoff.Wait(ctx, max(pause, tr.after)); err != nil {
		return err
	}
	return nil
}

// retry repeats op while its failures are transient.
func (c *Client) retry(ctx context.Context, op func() error) error {
	tries := c.Tries()
	for {
		err := op()
		if err == nil {
			return nil
		}
		if err := tries.Again(ctx, err); err != nil {
			return err
		}
	}
}

// transient marks a failure that may not happen again.
type transient struct {
	err   error
	after time.Duration // the server's wish; 0 is none
	limit int           // of tries, where fewer than usual make sense; 0 is none
}

func (t *transient) Error() string { return t.err.Error() }
func (t *transient) Unwrap() error { return t.err }

// Transient marks err as worth another try.
func Transient(err error) error { return &transient{err: err} }

// retryAfter reads the header of that name: seconds or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if seconds, err := strconv.ParseInt(v, 10, 32); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
