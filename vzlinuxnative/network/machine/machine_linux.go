package machine

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network"
	"vz.internal/vzlinuxnative/network/internal/nsthread"
)

// A Machine is a virtual machine's part in networks. It belongs to the process that
// runs the machine, and is gone with it. Its methods are safe for concurrent use.
type Machine struct {
	nets *network.Manager

	mu      sync.Mutex
	ns      *os.File         // guarded by mu; nil before the first card
	fresh   bool             // guarded by mu: nothing of an earlier process is left
	box     *network.Sandbox // guarded by mu; nil while nothing has joined
	request network.Request  // guarded by mu; of box, or of what joined no network
	sweeps  sync.WaitGroup
}

// New returns the part of a machine that is on no network yet. It does no I/O.
func New(nets *network.Manager) *Machine { return &Machine{nets: nets} }

// Card returns the hypervisor's end of the cable of card n, the one that gets the
// interface "eth<n>". The caller closes it; the cable is gone when all have.
func (m *Machine) Card(n int) (*os.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.namespace(); err != nil {
		return nil, err
	}
	return openTap(m.ns, n)
}

// namespace makes the namespace unless it is there. The caller holds m.mu.
func (m *Machine) namespace() (err error) {
	if m.ns == nil {
		m.ns, err = nsthread.New()
	}
	return err
}

// Join puts the machine's container on cfg.Networks, publishes its ports, and writes
// its files hosts, hostname and resolv.conf in dir. The cards of the networks must
// have cables, or get them before [Machine.Tie]. A network that does not exist is
// vzcontract.ErrNotFound, an address or port that is taken vzcontract.ErrConflict;
// then nothing has changed.
func (m *Machine) Join(ctx context.Context, id string, cfg vzcontract.RunConfig, dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.box != nil {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the container has its networks already")
	}
	if !m.fresh {
		if err := m.nets.Release(ctx, id); err != nil { // what a process that was killed had
			return err
		}
		m.fresh = true
	}
	m.request = network.Request{
		ContainerID: id, Name: cfg.Name, Hostname: cmp.Or(cfg.Hostname, id[:min(len(id), 12)]), Domainname: cfg.Domainname,
		Networks: cfg.Networks, Ports: cfg.Ports, PublishAll: cfg.PublishAll, Exposed: cfg.Expose,
		DNS: cfg.DNS, ExtraHosts: cfg.ExtraHosts, Egress: cfg.Egress, FilesDir: dir,
	}
	if len(cfg.Networks) == 0 {
		return network.WriteFiles(dir, network.Files{
			Hostname: m.request.Hostname, Domainname: cfg.Domainname, ExtraHosts: cfg.ExtraHosts, DNS: cfg.DNS,
		})
	}
	return m.reserve(ctx, m.request)
}

// reserve makes m.box. The caller holds m.mu.
func (m *Machine) reserve(ctx context.Context, r network.Request) error {
	if err := m.namespace(); err != nil {
		return err
	}
	box, err := m.nets.Reserve(ctx, r)
	if err != nil {
		return err
	}
	if err := box.Connect(ctx, m.ns); err != nil {
		return errors.Join(err, box.Close(context.WithoutCancel(ctx)))
	}
	m.box = box
	return nil
}

// Connect puts the container on one more network.
func (m *Machine) Connect(ctx context.Context, at vzcontract.NetworkAttach) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.box != nil {
		return m.box.Attach(ctx, at)
	}
	r := m.request
	r.Networks, r.Ports, r.PublishAll = []vzcontract.NetworkAttach{at}, nil, false
	return m.reserve(ctx, r)
}

// Disconnect takes the container off a network.
func (m *Machine) Disconnect(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.box == nil {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the container is not on network %s", name)
	}
	return m.box.Detach(ctx, name)
}

// Rename makes the container known by another name.
func (m *Machine) Rename(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.request.Name = name
	if m.box == nil {
		return nil
	}
	return m.box.Rename(name)
}

// Places returns the container's places on its networks and its published ports.
func (m *Machine) Places() ([]vzcontract.NetworkEndpoint, []vzcontract.PublishedPort) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.box == nil {
		return nil, nil
	}
	return m.box.Endpoints(), m.box.Ports()
}

// Tie makes the container's interfaces and the cables of the cards of the same number
// one, and returns what the guest has to make of each card, by its number. A card that
// has no cable yet is vzcontract.ErrUnavailable.
func (m *Machine) Tie() (map[int]vzcontract.NetworkCard, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.box == nil {
		return nil, nil
	}
	return tie(m.ns, m.box.Endpoints())
}

// Cards are the numbers of the cards that the container needs.
func (m *Machine) Cards() []int {
	places, _ := m.Places()
	var all []int
	for _, e := range places {
		if n, err := number(e.Interface); err == nil {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

// DialNames connects, by "udp" or "tcp", with what answers the container's questions
// for names.
func (m *Machine) DialNames(ctx context.Context, protocol string) (net.Conn, error) {
	m.mu.Lock()
	box := m.box
	m.mu.Unlock()
	if box == nil {
		return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "the container is on no network")
	}
	return box.DialNames(ctx, protocol)
}

// Relays tells whether the guest's TCP connections over IPv4 have to go through DialOut,
// all but those to the destinations that it returns.
func (m *Machine) Relays() (direct []netip.Prefix, relays bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.box == nil {
		return nil, false
	}
	return m.box.Relays()
}

// DialOut connects from the host to where the container wanted to. What the guest has to
// reach by itself is vzcontract.ErrNotFound.
func (m *Machine) DialOut(ctx context.Context, target netip.AddrPort) (net.Conn, error) {
	m.mu.Lock()
	box := m.box
	m.mu.Unlock()
	if box == nil {
		return nil, net.ErrClosed
	}
	return box.DialOut(ctx, target)
}

// Traffic returns the counters of the container's interfaces, from its side.
func (m *Machine) Traffic() ([]vzcontract.NetStats, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.box == nil {
		return nil, nil
	}
	return traffic(m.ns, m.box.Endpoints())
}

// Leave takes the container off its networks: addresses, ports and names are free when
// it returns. Interfaces go a little later. It is idempotent.
func (m *Machine) Leave(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.box == nil {
		return nil
	}
	err := m.box.Leave(ctx)
	m.box = nil
	m.sweeps.Go(func() { _ = m.nets.Sweep(context.Background()) }) // what fails, the next one sweeps
	return err
}

// Close leaves, and returns when nothing is left.
func (m *Machine) Close() error {
	err := m.Leave(context.Background())
	m.sweeps.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ns != nil {
		err = errors.Join(err, m.ns.Close())
		m.ns = nil
	}
	return err
}
