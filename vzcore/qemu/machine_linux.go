package qemu

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/internal/qmp"
	"vz.internal/vzcore/internal/usernet"
	"vz.internal/vzcore/internal/vhostuser"
)

// A machine is one virtual machine of QEMU. vzcore.VM calls its methods one at a
// time.
type machine struct {
	driver *Driver
	config config.Config
	dir    string
	vsock  *vhostuser.Device

	mu    sync.Mutex
	run   *run             // guarded by mu: the present run, nil if stopped
	eject vzcore.EjectFunc // guarded by mu
	cards vzcore.CardFunc  // guarded by mu
}

// A run is QEMU from its start to its end.
type run struct {
	process *process
	memory  *os.File
	qmp     *qmp.Client
	vsock   *vsockLink
	network *usernet.Network
	rate    int // of the clock that the guest was told of, or 0

	mu     sync.Mutex
	shares map[string]*share // guarded by mu; only by virtiofs

	slots   []bool // in use; the first is the vsock device's
	stopped bool   // by us
	ended   chan struct{}
}

var (
	_ vzcore.Machine   = (*machine)(nil)
	_ vzcore.Ballooner = (*machine)(nil)
	_ vzcore.Sharer    = (*machine)(nil)
	_ vzcore.Saver     = (*machine)(nil)
	_ vzcore.Ejector   = (*machine)(nil)
	_ vzcore.Carder    = (*machine)(nil)
)

func newMachine(d *Driver, cfg config.Config, dir string) (*machine, error) {
	cid := uint64(cfg.Vsock.CID)
	if cid == 0 {
		cid = 3
	}
	vsock, err := vhostuser.New(cid)
	if err != nil {
		return nil, err
	}
	return &machine{driver: d, config: cfg, dir: dir, vsock: vsock}, nil
}

// Start implements vzcore.Machine.
func (m *machine) Start(ctx context.Context) (<-chan error, error) {
	r, exited, err := m.launch(ctx, nil)
	if err != nil {
		return nil, err
	}
	if err := m.plugAll(ctx, r); err != nil {
		m.end(r)
		return nil, err
	}
	if err := r.qmp.Do(ctx, "cont", nil, nil); err != nil {
		m.end(r)
		return nil, err
	}
	return exited, nil
}

// launch starts QEMU with its processors stopped. With fill, which fills the guest's
// memory while QEMU starts, it waits for a saved state.
func (m *machine) launch(ctx context.Context, fill func(memory *os.File) error) (*run, <-chan error, error) {
	accelerator, err := m.driver.Accelerator(ctx, m.config)
	if err != nil {
		return nil, nil, err
	}
	l := launch{arch: m.driver.arch, accelerator: accelerator, config: m.config, incoming: fill != nil, firmware: m.driver.firmware(accelerator)}
	if m.driver.shareKind() == NineP {
		l.ninep, l.ownership = m.config.Shares, ownership()
	}
	if accelerator == TCG && m.driver.arch.clock != nil {
		l.rate = tickRate()
	}
	r := &run{rate: l.rate, shares: map[string]*share{}, slots: make([]bool, m.config.HotSlots()+1), ended: make(chan struct{})}
	monitor, monitorEnd, err := pair(unix.SOCK_STREAM)
	if err != nil {
		return nil, nil, err
	}
	files := []*os.File{monitorEnd}
	closeFiles := func() {
		for _, f := range files {
			_ = f.Close()
		}
	}
	fail := func(err error) (*run, <-chan error, error) {
		closeFiles()
		_ = monitor.Close()
		r.close()
		return nil, nil, err
	}
	if r.memory, err = newMemory(m.config.Memory); err != nil {
		return fail(err)
	}
	filled := make(chan error, 1)
	link, vsockEnd, err := newVsockLink(m.vsock)
	if err != nil {
		return fail(err)
	}
	r.vsock = link
	files = append(files, vsockEnd)
	if m.config.Network.Kind == config.NetworkUser {
		var end *os.File
		if r.network, end, err = usernet.New(m.config.Network); err != nil {
			return fail(err)
		}
		files = append(files, end)
	}
	for n := range m.config.Network.Cards {
		end, err := m.card(n)
		if err != nil {
			return fail(err)
		}
		files = append(files, end)
	}
	args := l.arguments()
	if !l.incoming {
		args = append(args, "-S")
	}
	if r.process, err = spawn(m.driver.program, args, slices.Insert(slices.Clone(files), fdMemory-fdQMP, r.memory)...); err != nil {
		return fail(err)
	}
	if l.incoming {
		go func() { filled <- fill(r.memory) }()
	} else {
		filled <- nil
	}
	closeFiles()
	files = nil
	r.qmp, err = qmp.New(ctx, monitor)
	fillErr := <-filled
	if err != nil {
		r.process.kill()
		return fail(errors.Join(err, r.process.failure()))
	}
	if fillErr != nil {
		r.process.kill()
		return fail(fillErr)
	}
	if l.incoming {
		r.vsock.close()
		r.vsock = nil
	} else {
		r.slots[0] = true
	}
	exited := make(chan error, 1)
	go m.watch(r, exited)
	m.mu.Lock()
	m.run = r
	m.mu.Unlock()
	return r, exited, nil
}

// watch waits for the end of QEMU and says why.
func (m *machine) watch(r *run, exited chan<- error) {
	<-r.process.done
	m.mu.Lock()
	if m.run == r {
		m.run = nil
	}
	stopped := r.stopped
	m.mu.Unlock()
	r.close()
	close(r.ended)
	// A guest that shuts down ends QEMU with status 0.
	if stopped || r.process.err == nil {
		exited <- nil
		return
	}
	exited <- r.process.failure()
}

// close releases what a run has besides QEMU.
func (r *run) close() {
	if r.qmp != nil {
		_ = r.qmp.Close()
	}
	if r.memory != nil {
		_ = r.memory.Close()
	}
	r.mu.Lock()
	for _, s := range r.shares {
		s.close()
	}
	r.mu.Unlock()
	if r.vsock != nil {
		r.vsock.close()
	}
	if r.network != nil {
		r.network.Close()
	}
}

// present returns the run, or an error if there is none.
func (m *machine) present() (*run, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run == nil {
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "the virtual machine does not run")
	}
	return m.run, nil
}

func (m *machine) command(ctx context.Context, command string, arguments any) error {
	r, err := m.present()
	if err != nil {
		return err
	}
	return r.qmp.Do(ctx, command, arguments, nil)
}

// Pause implements vzcore.Machine.
func (m *machine) Pause(ctx context.Context) error { return m.command(ctx, "stop", nil) }

// Resume implements vzcore.Machine.
func (m *machine) Resume(ctx context.Context) error {
	r, err := m.present()
	if err != nil {
		return err
	}
	if err := m.replug(ctx, r); err != nil {
		return err
	}
	return r.qmp.Do(ctx, "cont", nil, nil)
}

// RequestStop implements vzcore.Machine: the guest sees its power button pressed.
func (m *machine) RequestStop(ctx context.Context) error {
	return m.command(ctx, "system_powerdown", nil)
}

// SetMemory implements vzcore.Ballooner.
func (m *machine) SetMemory(ctx context.Context, bytes uint64) error {
	if !m.config.Balloon {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "the machine has no balloon")
	}
	return m.command(ctx, "balloon", map[string]any{"value": bytes})
}

// Stop implements vzcore.Machine.
func (m *machine) Stop(context.Context) error {
	m.mu.Lock()
	r := m.run
	m.mu.Unlock()
	if r != nil {
		m.end(r)
	}
	return nil
}

// end ends QEMU and returns when all of the run is released.
func (m *machine) end(r *run) {
	m.mu.Lock()
	r.stopped = true
	m.mu.Unlock()
	r.process.kill()
	<-r.ended
}

// Dial implements vzcore.Machine.
func (m *machine) Dial(ctx context.Context, port uint32) (vzcore.Conn, error) {
	c, err := m.vsock.Dial(ctx, port)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Listen implements vzcore.Machine.
func (m *machine) Listen(port uint32) (net.Listener, error) {
	l, err := m.vsock.Listen(port)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Close implements vzcore.Machine.
func (m *machine) Close() error {
	if err := m.Stop(context.Background()); err != nil {
		return fmt.Errorf("close the machine: %w", err)
	}
	return m.vsock.Close()
}
