package network

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/nft"
)

// A Sandbox is a container's part in its networks, from Reserve until Close.
// It belongs to the process that reserved it. Its methods are safe for
// concurrent use.
type Sandbox struct {
	m   *Manager
	req Request

	mu     sync.Mutex
	places []*place    // guarded by mu
	ports  []published // guarded by mu
	direct []nft.Port  // guarded by mu; published in the kernel
	ns     *os.File    // guarded by mu; nil before Connect
	closed bool        // guarded by mu
	claim  *os.File    // held until Close
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
	claim, err := m.claim(r.ContainerID)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{m: m, req: r, claim: claim}
	err = m.locked(func() error {
		for i, at := range r.Networks {
			n, err := m.find(at.Network)
			if err != nil {
				return err
			}
			p, err := m.take(n, &r, at, i)
			if err != nil {
				return err
			}
			s.places = append(s.places, p)
		}
		return nil
	})
	if err == nil {
		s.ports, err = m.bindAll(&r)
	}
	if err == nil {
		err = s.writeFiles()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	return s, nil
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

// Close gives back all that the container had and returns when it is gone. It
// is idempotent.
func (s *Sandbox) Close(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	err := errors.Join(s.unpublish(), closePorts(s.ports))
	if s.ns != nil {
		err = errors.Join(err, s.ns.Close())
	}
	places := slices.Clone(s.places)
	s.places, s.ports, s.ns = nil, nil, nil
	err = errors.Join(err, s.m.leave(s.req.ContainerID, places))
	return errors.Join(err, s.m.unclaim(s.req.ContainerID, s.claim))
}
