package qemu

import (
	"context"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"vz.internal/vzcore/internal/vhostuser"
)

// A vsockLink is the connection of a vsock device with one QEMU.
type vsockLink struct {
	conn  *net.UnixConn
	ended chan error
}

// newVsockLink returns a link that is served, and QEMU's end of it.
func newVsockLink(device *vhostuser.Device) (*vsockLink, *os.File, error) {
	conn, theirs, err := pair(unix.SOCK_STREAM)
	if err != nil {
		return nil, nil, err
	}
	l := &vsockLink{conn: conn, ended: make(chan error, 1)}
	go func() { l.ended <- device.Serve(conn) }()
	return l, theirs, nil
}

// close ends the link and with it all connections with the guest.
func (l *vsockLink) close() {
	_ = l.conn.Close()
	<-l.ended
}

// replug gives the guest its vsock device, if it has none.
func (m *machine) replug(ctx context.Context, r *run) error {
	if r.slots[0] {
		return nil
	}
	link, theirs, err := newVsockLink(m.vsock)
	if err != nil {
		return err
	}
	err = r.addChardev(ctx, "vsock", theirs)
	if err == nil {
		err = r.qmp.Do(ctx, "device_add", map[string]any{
			"driver": "vhost-user-vsock-pci", "id": "vsock", "chardev": "vsock", "bus": "hot0",
		}, nil)
	}
	_ = theirs.Close()
	if err != nil {
		link.close()
		return err
	}
	r.vsock, r.slots[0] = link, true
	return nil
}

// unplug takes the vsock device away from a running guest.
func (m *machine) unplug(ctx context.Context, r *run) error {
	if !r.slots[0] {
		return nil
	}
	if err := m.removeDevice(ctx, r, "vsock", 0); err != nil {
		return err
	}
	r.slots[0] = false
	r.vsock.close()
	r.vsock = nil
	return r.qmp.Do(ctx, "chardev-remove", map[string]any{"id": "vsock"}, nil)
}
