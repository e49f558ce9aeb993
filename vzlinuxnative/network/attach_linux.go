package network

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
	"vz.internal/vzcontract"
)

// Attach joins the running container to one more network. One that it is on
// already is ErrConflict.
func (s *Sandbox) Attach(ctx context.Context, at vzcontract.NetworkAttach) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := checkAttach(at); err != nil {
		return networkError("connect", at.Network, err)
	}
	if s.egress != nil && len(at.LinkLocal) > 0 {
		return networkError("connect", at.Network, invalid("a container with an egress policy has no link-local addresses"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.m.inside(func() error { return s.attach(ctx, at) }); err != nil {
		return networkError("connect", at.Network, err)
	}
	return nil
}

func (s *Sandbox) attach(ctx context.Context, at vzcontract.NetworkAttach) error {
	h, err := s.handle()
	if err != nil {
		return err
	}
	defer h.Close()
	var p *place
	err = s.m.locked(func() error {
		n, err := s.m.find(at.Network)
		if err == nil {
			p, err = s.m.take(n, &s.req, at, s.freeIndex())
		}
		return err
	})
	if err != nil {
		return err
	}
	s.places = append(s.places, p)
	if err := s.rewire(h, func() error {
		if err := s.m.leadOut(ctx, s.places); err != nil {
			return err
		}
		return s.plug(h, p)
	}); err != nil {
		s.places = s.places[:len(s.places)-1]
		s.egress.release(p)
		return errors.Join(err, s.leave(p), s.rewire(h, func() error { return nil }))
	}
	return nil
}

// Detach takes the running container off a network. One that it is not on is
// ErrConflict.
func (s *Sandbox) Detach(ctx context.Context, network string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.m.inside(func() error { return s.detach(network) }); err != nil {
		return networkError("disconnect", network, err)
	}
	return nil
}

func (s *Sandbox) detach(network string) error {
	h, err := s.handle()
	if err != nil {
		return err
	}
	defer h.Close()
	var id string
	err = s.m.locked(func() error {
		n, err := s.m.find(network)
		if err == nil {
			id = n.Info.ID
		}
		return err
	})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(s.places, func(p *place) bool { return p.net.Info.ID == id })
	if i < 0 {
		return conflict("container %s is not on it", s.req.Name)
	}
	p := s.places[i]
	s.places = slices.Delete(s.places, i, i+1)
	s.egress.release(p)
	return s.rewire(h, func() error { return s.leave(p) })
}

// leave takes the running container off a network. It is off when this returns.
func (s *Sandbox) leave(p *place) error {
	return errors.Join(s.m.leave(s.req.ContainerID, []*place{p}), s.m.Sweep(context.Background()))
}

// rewire makes a change of s.places true for ports, the default route and the
// container's files.
func (s *Sandbox) rewire(h *netlink.Handle, change func() error) error {
	if err := s.unpublish(); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	s.view.follow(s.places)
	return errors.Join(s.routeDefault(h), s.listen(), s.relay(), s.publish(), s.writeFiles())
}

// handle opens the container's network namespace. The caller holds s.mu.
func (s *Sandbox) handle() (*netlink.Handle, error) {
	if s.ns == nil || s.closed {
		return nil, conflict("container %s is not running", s.req.Name)
	}
	h, err := netlink.NewHandleAt(netns.NsHandle(s.ns.Fd()), unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open the container's network namespace: %w", err)
	}
	return h, nil
}

// freeIndex is the number of the next interface.
func (s *Sandbox) freeIndex() int {
	for i := 0; ; i++ {
		name := "eth" + strconv.Itoa(i)
		if !slices.ContainsFunc(s.places, func(p *place) bool { return p.lease.Endpoint.Interface == name }) {
			return i
		}
	}
}

// Rename makes the container known by another name on its networks.
func (s *Sandbox) Rename(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.m.locked(func() error {
		for _, p := range s.places {
			n, err := s.m.load(p.net.Info.ID)
			if err != nil {
				return err
			}
			l := n.Leases[s.req.ContainerID]
			if l == nil {
				continue
			}
			l.Name = name
			if err := s.m.saveLease(n, s.req.ContainerID); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		s.req.Name = name
	}
	return err
}
