// Package fake is a driver whose machines exist in memory only. Tests script what
// its guests do: serve ports, fail, take their time, end by themselves.
package fake

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
)

// A Driver opens machines in memory. Its fields may not change while machines are
// used.
type Driver struct {
	// Hook is called at each step of a machine ("start", "pause", "resume",
	// "request stop", "stop", "save", "restore"); its error is the step's.
	// It may wait. Nil does nothing.
	Hook func(ctx context.Context, step string) error

	// Guest serves a port of the guest: it gets the guest's end of each
	// connection. Nil refuses all.
	Guest func(port uint32, conn vzcore.Conn)

	mu       sync.Mutex
	machines []*Machine // guarded by mu
}

var _ vzcore.Driver = (*Driver)(nil)

// Name implements vzcore.Driver.
func (*Driver) Name() string { return "fake" }

// Version implements vzcore.Driver.
func (*Driver) Version(context.Context) (string, error) { return "1", nil }

// Open implements vzcore.Driver.
func (d *Driver) Open(cfg config.Config, _ string) (vzcore.Machine, error) {
	if cfg.Boot.Kind == config.BootMacOS {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "the fake driver has no macOS guests")
	}
	m := &Machine{driver: d, listeners: map[uint32]*listener{}}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.machines = append(d.machines, m)
	return m, nil
}

// Machines returns all that were opened, in order.
func (d *Driver) Machines() []*Machine {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*Machine(nil), d.machines...)
}

func (d *Driver) hook(ctx context.Context, step string) error {
	if d.Hook == nil {
		return nil
	}
	return d.Hook(ctx, step)
}

// A Machine is one machine in memory.
type Machine struct {
	driver *Driver

	mu        sync.Mutex
	exited    chan error           // guarded by mu; nil while stopped
	listeners map[uint32]*listener // guarded by mu
}

var (
	_ vzcore.Machine = (*Machine)(nil)
	_ vzcore.Saver   = (*Machine)(nil)
	_ vzcore.Grower  = (*Machine)(nil)
)

func (m *Machine) begin() <-chan error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.exited = make(chan error, 1)
	return m.exited
}

// Exit ends the machine by itself, with an error if it is to break.
func (m *Machine) Exit(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.exited != nil {
		m.exited <- err
		m.exited = nil
	}
}

// Start implements vzcore.Machine.
func (m *Machine) Start(ctx context.Context) (<-chan error, error) {
	if err := m.driver.hook(ctx, "start"); err != nil {
		return nil, err
	}
	return m.begin(), nil
}

// Pause implements vzcore.Machine.
func (m *Machine) Pause(ctx context.Context) error { return m.driver.hook(ctx, "pause") }

// Resume implements vzcore.Machine.
func (m *Machine) Resume(ctx context.Context) error { return m.driver.hook(ctx, "resume") }

// RequestStop implements vzcore.Machine. The guest shuts down at once, unless the
// hook fails.
func (m *Machine) RequestStop(ctx context.Context) error {
	if err := m.driver.hook(ctx, "request stop"); err != nil {
		return err
	}
	m.Exit(nil)
	return nil
}

// Stop implements vzcore.Machine.
func (m *Machine) Stop(ctx context.Context) error {
	if err := m.driver.hook(ctx, "stop"); err != nil {
		return err
	}
	m.Exit(nil)
	return nil
}

// Save implements vzcore.Saver.
func (m *Machine) Save(ctx context.Context, dir string) error {
	if err := m.driver.hook(ctx, "save"); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "state"), []byte("saved"), 0o600)
}

// Restore implements vzcore.Saver.
func (m *Machine) Restore(ctx context.Context, dir string) (<-chan error, error) {
	if err := m.driver.hook(ctx, "restore"); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "state")); err != nil {
		return nil, err
	}
	return m.begin(), nil
}

// AddEntry implements vzcore.Grower.
func (m *Machine) AddEntry(ctx context.Context, _ string, _ config.Entry) error {
	return m.driver.hook(ctx, "add entry")
}

// RemoveEntry implements vzcore.Grower.
func (m *Machine) RemoveEntry(ctx context.Context, _, _ string) error {
	return m.driver.hook(ctx, "remove entry")
}

// Dial implements vzcore.Machine.
func (m *Machine) Dial(ctx context.Context, port uint32) (vzcore.Conn, error) {
	m.mu.Lock()
	running := m.exited != nil
	m.mu.Unlock()
	if m.driver.Guest == nil || !running {
		return nil, errors.New("connection refused")
	}
	host, guest, err := connPair(ctx)
	if err != nil {
		return nil, err
	}
	go m.driver.Guest(port, guest)
	return host, nil
}

// DialHost is the guest's connection to a port of the host.
func (m *Machine) DialHost(ctx context.Context, port uint32) (vzcore.Conn, error) {
	m.mu.Lock()
	l := m.listeners[port]
	m.mu.Unlock()
	if l == nil {
		return nil, errors.New("connection refused")
	}
	host, guest, err := connPair(ctx)
	if err != nil {
		return nil, err
	}
	select {
	case l.conns <- host:
		return guest, nil
	case <-l.done:
		err = net.ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(err, host.Close(), guest.Close())
}

// Close implements vzcore.Machine.
func (m *Machine) Close() error {
	m.Exit(nil)
	return nil
}
