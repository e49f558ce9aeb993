package vmbackend

import (
	"context"
	"time"

	"vz.internal/vzcontract"
)

var _ vzcontract.EventSource = (*Backend)(nil)

// Events implements vzcontract.EventSource. They are those of all guests, as the
// processes that run them have noted them.
func (b *Backend) Events(ctx context.Context, opts vzcontract.EventOptions, emit func(vzcontract.Event) error) error {
	return b.store.Events(ctx, opts, emit)
}

// destroyed notes that a container was removed without its guest. That it could not
// be noted is no reason to fail.
func (b *Backend) destroyed(info vzcontract.ContainerInfo) {
	attributes := map[string]string{"name": info.Name}
	if info.Image != "" {
		attributes["image"] = info.Image
	}
	err := b.store.Emit(vzcontract.Event{
		Time: time.Now().UTC(), Type: "container", Action: "destroy", ID: info.ID, Attributes: attributes,
	})
	if err != nil {
		b.log.Warn("event not noted", "action", "destroy", "id", info.ID, "error", err)
	}
}
