package network

import (
	"context"
	"errors"
	"os"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/names"
	"vz.internal/vzlinuxnative/network/internal/nft"
	"vz.internal/vzlinuxnative/network/internal/portproxy"
)

// A Sandbox is a container's part in its networks, from Reserve until Close.
// It belongs to the process that reserved it. Its methods are safe for
// concurrent use.
type Sandbox struct {
	m     *Manager
	req   Request
	view  *view
	claim *os.File // held until Close
	// egress is nil for a container without a policy.
	egress *egress
	// relaysNames: the container asks its own listener even on the default
	// network.
	relaysNames bool

	mu      sync.Mutex
	places  []*place        // guarded by mu
	ports   []published     // guarded by mu
	direct  []nft.Port      // guarded by mu; published in the kernel
	ns      *os.File        // guarded by mu; nil before Connect
	closed  bool            // guarded by mu
	rules   nft.Container   // guarded by mu; in the container's namespace
	server  *names.Server   // guarded by mu; nil when nobody listens for names
	blocked nft.Obstacles   // guarded by mu; why the host does not route
	relayed *portproxy.Port // guarded by mu; nil when nothing is relayed
}

// Reserve takes addresses and host ports for a container that is about to be
// made, and writes its files. A network that does not exist is ErrNotFound, an
// address or port that is taken ErrConflict; then nothing is taken.
func (m *Manager) Reserve(ctx context.Context, r Request) (*Sandbox, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	if err := m.enter(); err != nil {
		return nil, err
	}
	var s *Sandbox
	err := m.inside(func() (err error) {
		s, err = m.reserve(ctx, r)
		return err
	})
	if err == nil {
		return s, nil
	}
	if s == nil {
		m.exit()
		return nil, err
	}
	return nil, errors.Join(err, s.Close(context.WithoutCancel(ctx)))
}

// reserve is Reserve, where the networks are. A sandbox that it returns with an error
// has to be closed.
func (m *Manager) reserve(ctx context.Context, r Request) (*Sandbox, error) {
	egress, err := m.newEgress(r.Egress)
	if err != nil {
		return nil, err
	}
	claim, err := m.claim(r.ContainerID)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{m: m, req: r, claim: claim, egress: egress, view: &view{m: m, servers: r.DNS.Servers}}
	err = m.locked(func() error {
		for i, at := range r.Networks {
			n, err := m.find(at.Network)
			if err == nil {
				err = m.settle(n)
			}
			if err != nil {
				return networkError("join", at.Network, err)
			}
			p, err := m.take(n, &r, at, i)
			if err != nil {
				return err
			}
			s.places = append(s.places, p)
		}
		return m.reuse(s.places)
	})
	if err == nil {
		err = m.leadOut(ctx, s.places)
	}
	if err == nil {
		err = m.outside(func() (err error) {
			s.ports, err = m.bindAll(&r)
			return err
		})
	}
	if err == nil {
		s.view.follow(s.places)
		err = s.chooseResolver()
	}
	if err == nil {
		err = s.writeFiles()
	}
	return s, err
}

// Endpoints returns the container's places on its networks, the primary first.
func (s *Sandbox) Endpoints() []vzcontract.NetworkEndpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []vzcontract.NetworkEndpoint
	for _, p := range s.places {
		list = append(list, p.lease.Endpoint)
	}
	return list
}

// Ports returns the published ports: one entry for each address family.
func (s *Sandbox) Ports() []vzcontract.PublishedPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []vzcontract.PublishedPort
	for _, p := range s.ports {
		list = append(list, vzcontract.PublishedPort{
			HostIP: p.port.Addr().Addr().String(), HostPort: p.port.Addr().Port(),
			ContainerPort: p.container, Protocol: p.port.Protocol(),
		})
	}
	return list
}

// Unpublish gives back the host's ports, which takes no time beside Close. It
// is for a container that has ended: its end can be told before its interfaces
// are gone.
func (s *Sandbox) Unpublish() error {
	s.mu.Lock()
	ports := s.ports
	s.ports = nil
	err := s.m.inside(s.unpublish)
	s.mu.Unlock()
	return errors.Join(err, closePorts(ports))
}

// Close gives back all that the container had and returns when it is gone, with
// all else that the manager had to sweep. It is idempotent.
func (s *Sandbox) Close(ctx context.Context) error {
	return errors.Join(s.Leave(ctx), s.m.Sweep(ctx))
}

// Leave gives back what others may want: addresses, ports and names are free
// when it returns. Interfaces that are of no use any more are left to
// [Manager.Sweep]. It is idempotent.
func (s *Sandbox) Leave(context.Context) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	defer s.m.exit()
	return s.m.inside(s.leaveAll)
}

func (s *Sandbox) leaveAll() error {
	s.mu.Lock()
	err := s.unpublish()
	server, relayed, ns, places, ports := s.server, s.relayed, s.ns, s.places, s.ports
	s.server, s.relayed, s.ns, s.places, s.ports = nil, nil, nil, nil, nil
	s.mu.Unlock() // what is served now may wait for it
	s.egress.close()
	if server != nil {
		err = errors.Join(err, server.Close())
	}
	if relayed != nil {
		err = errors.Join(err, relayed.Close())
	}
	err = errors.Join(err, closePorts(ports))
	if ns != nil {
		err = errors.Join(err, ns.Close())
	}
	err = errors.Join(err, s.m.leave(s.req.ContainerID, places))
	return errors.Join(err, s.m.unclaim(s.req.ContainerID, s.claim))
}
