package vhostuser

import (
	"context"
	"fmt"
)

// A Device is the vsock device of one guest. Methods are safe for concurrent use;
// Dial and Listen may be called before QEMU is there.
type Device struct{ mux *mux }

// New returns the device of the guest with the context id cid, which is 3 or more.
func New(cid uint64) (*Device, error) {
	if cid < 3 || cid >= 1<<32-1 {
		return nil, fmt.Errorf("%d is no context id of a guest", cid)
	}
	return &Device{mux: newMux(hostCID, cid)}, nil
}

// Dial connects to a port of the guest. It waits for the device to be plugged, and
// for the guest's driver, until ctx ends. A guest where nobody listens refuses.
func (d *Device) Dial(ctx context.Context, port uint32) (*Conn, error) { return d.mux.dial(ctx, port) }

// Listen accepts connections of the guest to a port of the host.
func (d *Device) Listen(port uint32) (*Listener, error) { return d.mux.listen(port) }

// Close ends all connections and listeners. The session with QEMU ends with QEMU.
func (d *Device) Close() error {
	d.mux.close()
	return nil
}
