package fake

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"vz.internal/vzcontract"
)

// maxEvents bounds what is kept for Since.
const maxEvents = 4096

// event notes that something happened, under the lock; c may be nil.
func (b *Backend) event(kind, action string, c *container, attrs map[string]string) {
	e := vzcontract.Event{Time: time.Now(), Type: kind, Action: action, Attributes: maps.Clone(attrs)}
	if c != nil {
		e.ID = c.Info.ID
		if e.Attributes == nil {
			e.Attributes = map[string]string{}
		}
		maps.Copy(e.Attributes, c.Info.Labels)
		e.Attributes["name"], e.Attributes["image"] = c.Info.Name, c.Info.Image
	}
	b.append(e)
}

// eventOf notes what happened to an image, network or volume.
func (b *Backend) eventOf(kind, action, id string, attrs map[string]string) {
	b.append(vzcontract.Event{Time: time.Now(), Type: kind, Action: action, ID: id, Attributes: attrs})
}

func (b *Backend) append(e vzcontract.Event) {
	b.st.Events = append(b.st.Events, e)
	if drop := len(b.st.Events) - maxEvents; drop > 0 {
		b.st.Events = slices.Clone(b.st.Events[drop:])
		b.st.Dropped += drop
	}
	b.touch()
}

// Events implements vzcontract.EventSource.
func (b *Backend) Events(ctx context.Context, opts vzcontract.EventOptions, emit func(vzcontract.Event) error) error {
	if !opts.Until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, opts.Until, errUntil)
		defer cancel()
	}
	next := -1
	for {
		var batch []vzcontract.Event
		err := b.await(ctx, func() (bool, error) {
			if next < 0 {
				next = b.st.Dropped + len(b.st.Events)
				if !opts.Since.IsZero() {
					next = b.st.Dropped
				}
			}
			next = max(next, b.st.Dropped)
			batch = append(batch, b.st.Events[next-b.st.Dropped:]...)
			next = b.st.Dropped + len(b.st.Events)
			return len(batch) > 0, nil
		})
		for _, e := range batch {
			if e.Time.Before(opts.Since) || !opts.Until.IsZero() && e.Time.After(opts.Until) {
				continue
			}
			if err := emit(e); err != nil {
				return err
			}
		}
		if err != nil {
			if errors.Is(context.Cause(ctx), errUntil) {
				return nil
			}
			return err
		}
		if ctx.Err() != nil && errors.Is(context.Cause(ctx), errUntil) {
			return nil
		}
	}
}

var errUntil = errors.New("end of the wanted time")
