package vzf

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/internal/usernet"
)

// A machine is one virtual machine. vzcore.VM calls its methods one at a time, but for
// Dial and Listen.
type machine struct {
	driver *Driver
	config config.Config
	plan   plan

	mu        sync.Mutex
	run       *run                 // guarded by mu: the present one
	listeners map[uint32]*listener // guarded by mu
}

var (
	_ vzcore.Machine   = (*machine)(nil)
	_ vzcore.Saver     = (*machine)(nil)
	_ vzcore.Describer = (*machine)(nil)
	_ vzcore.Sharer    = (*machine)(nil)
	_ vzcore.Grower    = (*machine)(nil)
	_ vzcore.Ballooner = (*machine)(nil)
)

func newMachine(d *Driver, cfg config.Config, p plan) *machine {
	return &machine{driver: d, config: cfg, plan: p, listeners: map[uint32]*listener{}}
}

// Start implements vzcore.Machine.
func (m *machine) Start(ctx context.Context) (<-chan error, error) {
	return m.begin(ctx, m.plan, "start", guest.start)
}

// begin makes a guest and brings it to life: each run has one of its own.
func (m *machine) begin(ctx context.Context, p plan, doing string, live func(guest) error) (<-chan error, error) {
	if err := present(m.config.Shares); err != nil {
		return nil, err
	}
	r, err := m.open(p)
	if err != nil {
		return nil, err
	}
	if err := r.do(ctx, doing, func() error { return live(r.guest) }, r.guest.stop); err != nil {
		r.end(nil)
		return nil, err
	}
	go r.watch()
	if err := m.publish(r); err != nil {
		return nil, errors.Join(err, r.stop(context.WithoutCancel(ctx)))
	}
	return r.exited, nil
}

func (m *machine) open(p plan) (*run, error) {
	r := newRun(p.console)
	if p.network == config.NetworkUser {
		cfg := m.config.Network
		cfg.MAC = p.mac.String()
		var err error
		if r.network, r.cable, err = usernet.New(cfg); err != nil {
			return nil, err
		}
	}
	var err error
	if r.guest, err = m.driver.framework.open(p, r.cable); err != nil {
		r.end(nil)
		return nil, explain("make the machine", err)
	}
	return r, nil
}

// publish makes a run the present one, with the ports that are listened to.
func (m *machine) publish(r *run) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.run = r
	for _, l := range m.listeners {
		if err := l.attach(r); err != nil {
			return err
		}
	}
	return nil
}

// present returns the run, or an error if there is none.
func (m *machine) present() (*run, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run == nil || m.run.over() {
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "the virtual machine does not run")
	}
	return m.run, nil
}

// Pause implements vzcore.Machine.
func (m *machine) Pause(ctx context.Context) error {
	r, err := m.present()
	if err != nil {
		return err
	}
	return r.pause(ctx)
}

// Resume implements vzcore.Machine.
func (m *machine) Resume(ctx context.Context) error {
	r, err := m.present()
	if err != nil {
		return err
	}
	return r.resume(ctx)
}

// RequestStop implements vzcore.Machine: the guest sees its power button pressed.
func (m *machine) RequestStop(ctx context.Context) error {
	r, err := m.present()
	if err != nil {
		return err
	}
	if m.config.Boot.Kind == config.BootMacOS {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "request stop: macOS guests ignore it; have the guest's agent shut it down, or stop the machine")
	}
	return r.do(ctx, "request stop", r.guest.requestStop, nil)
}

// Stop implements vzcore.Machine.
func (m *machine) Stop(ctx context.Context) error {
	r, err := m.present()
	if err != nil {
		return nil // it has ended
	}
	return r.stop(ctx)
}

// closeTime is how long the framework may take to end a machine that nobody needs.
const closeTime = 30 * time.Second

// Close implements vzcore.Machine.
func (m *machine) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	err := m.Stop(ctx)
	m.mu.Lock()
	r := m.run
	var open []*listener
	for _, l := range m.listeners {
		open = append(open, l)
	}
	m.mu.Unlock()
	for _, l := range open {
		err = errors.Join(err, l.Close())
	}
	if err != nil {
		err = fmt.Errorf("close the machine: %w", err)
		if r != nil { // nobody waits for what does not end
			r.end(err)
		}
	}
	return err
}

// SetMemory implements vzcore.Ballooner.
func (m *machine) SetMemory(ctx context.Context, bytes uint64) error {
	if !m.config.Balloon {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "the machine has no balloon")
	}
	r, err := m.present()
	if err != nil {
		return err
	}
	return r.do(ctx, "set memory", func() error { return r.guest.setMemory(bytes) }, nil)
}
