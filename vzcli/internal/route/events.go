package route

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"vz.internal/vzcontract"
)

var _ vzcontract.EventSource = (*Backend)(nil)

// late is how long after it happened an event may be noted.
const late = 2 * time.Second

// Events implements vzcontract.EventSource. What has happened comes in its order from
// both; then what happens, as it is told.
func (b *Backend) Events(ctx context.Context, opts vzcontract.EventOptions, emit func(vzcontract.Event) error) error {
	told := map[string]bool{}
	key := func(e vzcontract.Event) string { return e.Time.Format(time.RFC3339Nano) + e.Type + e.Action + e.ID }
	if !opts.Since.IsZero() {
		now := time.Now()
		if !opts.Until.IsZero() && opts.Until.Before(now) {
			now = opts.Until
		}
		var past []vzcontract.Event
		for _, side := range b.sides() {
			source, err := as[vzcontract.EventSource](side, "events")
			if err != nil {
				return err
			}
			err = source.Events(ctx, vzcontract.EventOptions{Since: opts.Since, Until: now}, func(e vzcontract.Event) error {
				past = append(past, e)
				return nil
			})
			if err != nil {
				return err
			}
		}
		slices.SortStableFunc(past, func(a, b vzcontract.Event) int { return a.Time.Compare(b.Time) })
		for _, e := range past {
			if err := emit(e); err != nil {
				return err
			}
			if e.Time.After(now.Add(-late)) {
				told[key(e)] = true
			}
		}
		if now.Equal(opts.Until) {
			return nil
		}
		if since := now.Add(-late); since.After(opts.Since) {
			opts.Since = since
		}
	}
	return b.live(ctx, opts, func(e vzcontract.Event) error {
		if told[key(e)] {
			return nil
		}
		return emit(e)
	})
}

// live follows both sides. emit is called one at a time.
func (b *Backend) live(ctx context.Context, opts vzcontract.EventOptions, emit func(vzcontract.Event) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	var emitted error // guarded by mu: an error of emit's is the caller's own
	var work sync.WaitGroup
	var errs [2]error
	for i, side := range b.sides() {
		source, err := as[vzcontract.EventSource](side, "events")
		if err != nil {
			return err
		}
		work.Go(func() {
			errs[i] = source.Events(ctx, opts, func(e vzcontract.Event) error {
				mu.Lock()
				defer mu.Unlock()
				if emitted == nil {
					emitted = emit(e)
				}
				return emitted
			})
			if errs[i] != nil {
				cancel(errs[i])
			}
		})
	}
	work.Wait()
	if emitted != nil {
		return emitted
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return errors.Join(errs[:]...)
}
