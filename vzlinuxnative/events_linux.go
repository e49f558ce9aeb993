package vzlinuxnative

import (
	"context"
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/events"
	"vz.internal/vzlinuxnative/internal/record"
)

var _ vzcontract.EventSource = (*Backend)(nil)

func (b *Backend) journal() (*events.Journal, error) {
	return events.Open(filepath.Join(b.opts.Home, "events"))
}

// Events implements vzcontract.EventSource.
func (b *Backend) Events(ctx context.Context, opts vzcontract.EventOptions, emit func(vzcontract.Event) error) error {
	j, err := b.journal()
	if err != nil {
		return err
	}
	return j.Read(ctx, opts, emit)
}

// event notes something that happened to a container. An event that cannot be
// noted is no reason to fail.
func (b *Backend) event(action string, c *container, more map[string]string) {
	b.note(record.Event(c.cfg, c.st.Name, action, more))
}

func (b *Backend) note(e vzcontract.Event) {
	j, err := b.journal()
	if err == nil {
		err = j.Append(e)
	}
	// What else finds the disk full says so.
	if err != nil && !errors.Is(err, unix.ENOSPC) {
		b.log.Warn("event not noted", "action", e.Action, "id", e.ID, "err", err)
	}
}
