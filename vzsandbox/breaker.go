package vzsandbox

import (
	"errors"
	"time"

	"vz.internal/vzcontract"
)

// A breaker keeps a pool from trying again and again what fails.
type breaker struct {
	failures int   // in a row
	err      error // the last of them
	pause    *time.Timer
	retryAt  time.Time // when the pause ends; zero is no pause
}

const (
	// tolerated is how many failures in a row are not told to those who wait.
	tolerated  = 2
	firstPause = 100 * time.Millisecond
	longest    = 30 * time.Second
)

// fail notes a failure and pauses; again is called when that is over.
func (b *breaker) fail(err error, again func()) {
	b.failures++
	if lasting(err) {
		b.failures = max(b.failures, tolerated+1)
	}
	b.err = err
	b.stop()
	pause := min(firstPause<<min(b.failures-1, 20), longest)
	b.retryAt = time.Now().Add(pause)
	b.pause = time.AfterFunc(pause, again)
}

// lasting reports whether a failure will be the same the next time, as far as one can tell.
func lasting(err error) bool {
	for _, class := range []error{vzcontract.ErrValidation, vzcontract.ErrUnsupported, vzcontract.ErrDenied, vzcontract.ErrNotFound} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}

// resume ends the pause: one try is allowed.
func (b *breaker) resume() { b.pause, b.retryAt = nil, time.Time{} }

// succeed ends the row of failures.
func (b *breaker) succeed() {
	b.stop()
	*b = breaker{}
}

// stop ends the pause for good.
func (b *breaker) stop() {
	if b.pause != nil {
		b.pause.Stop()
		b.resume()
	}
}

// tries is how many sandboxes may be made at once.
func (b *breaker) tries() int {
	switch {
	case b.pause != nil:
		return 0
	case b.failures > 0:
		return 1
	}
	return makers
}

// makers is how many sandboxes of a pool are made at once.
const makers = 2

// open returns the failure that those who ask are told; nil is none.
func (b *breaker) open() error {
	if b.pause == nil || b.failures <= tolerated {
		return nil
	}
	return vzcontract.Errorf(vzcontract.ErrUnavailable, "making sandboxes fails, next try at %s: %w", b.retryAt.Format(time.TimeOnly), b.err)
}
