package owner

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// A dialFunc connects with a port of the container.
type dialFunc func(ctx context.Context, network string, port uint16) (agentproto.Conn, error)

// ports are the host's ports that lead to the container.
type ports struct {
	mu   sync.Mutex
	open []openPort // guarded by mu
}

type openPort struct {
	published vzcontract.PublishedPort
	listener  io.Closer
	end       context.CancelFunc
}

func (p *ports) published() []vzcontract.PublishedPort {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []vzcontract.PublishedPort
	for _, one := range p.open {
		all = append(all, one.published)
	}
	return all
}

func (p *ports) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.open {
		one.end()
		_ = one.listener.Close()
	}
	p.open = nil
}

// publish listens on all ports that mappings want, or on none. What was published
// before is not any more.
func (p *ports) publish(ctx context.Context, mappings []vzcontract.PortMapping, dial dialFunc) error {
	p.close()
	for _, m := range mappings {
		for i := range max(int(m.ContainerPortEnd)-int(m.ContainerPort), 0) + 1 {
			one := m
			one.ContainerPort, one.ContainerPortEnd = m.ContainerPort+uint16(i), 0
			if m.ContainerPortEnd > m.ContainerPort && m.HostPort != 0 {
				one.HostPort, one.HostPortEnd = m.HostPort+uint16(i), 0
			}
			if err := p.one(ctx, one, dial); err != nil {
				p.close()
				return err
			}
		}
	}
	return nil
}

// one publishes one port of the container, on the first host port that is free.
func (p *ports) one(ctx context.Context, m vzcontract.PortMapping, dial dialFunc) error {
	addresses := []string{m.HostIP}
	if m.HostIP == "" {
		addresses = []string{"0.0.0.0", "::"}
	}
	var err error
	for port := int(m.HostPort); port <= max(int(m.HostPort), int(m.HostPortEnd)); port++ {
		want := uint16(port)
		var opened []openPort
		for _, address := range addresses {
			var one openPort
			if one, err = listen(ctx, m, address, want, dial); err != nil {
				if address == "::" { // a host without IPv6
					err = nil
					continue
				}
				break
			}
			want = one.published.HostPort
			opened = append(opened, one)
		}
		if err == nil {
			p.mu.Lock()
			p.open = append(p.open, opened...)
			p.mu.Unlock()
			return nil
		}
		for _, one := range opened {
			one.end()
			_ = one.listener.Close()
		}
	}
	return vzcontract.Errorf(vzcontract.ErrConflict, "publish port %d/%s: %w", m.ContainerPort, m.Protocol, err)
}

func listen(ctx context.Context, m vzcontract.PortMapping, address string, port uint16, dial dialFunc) (openPort, error) {
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	one := openPort{end: end, published: vzcontract.PublishedPort{HostIP: address, ContainerPort: m.ContainerPort, Protocol: m.Protocol}}
	at := net.JoinHostPort(address, strconv.Itoa(int(port)))
	version := "4"
	if a, err := netip.ParseAddr(address); err == nil && a.Is6() {
		version = "6"
	}
	var bound net.Addr
	if m.Protocol == "udp" {
		l, err := net.ListenPacket("udp"+version, at)
		if err != nil {
			end()
			return one, err
		}
		one.listener, bound = l, l.LocalAddr()
		go agentproto.RelayDatagrams(ctx, l, func(ctx context.Context) (agentproto.Conn, error) { return dial(ctx, "udp", m.ContainerPort) })
	} else {
		l, err := net.Listen("tcp"+version, at)
		if err != nil {
			end()
			return one, err
		}
		one.listener, bound = l, l.Addr()
		go agentproto.Forward(ctx, l, func(ctx context.Context) (agentproto.Conn, error) { return dial(ctx, "tcp", m.ContainerPort) })
	}
	where, err := netip.ParseAddrPort(bound.String())
	if err != nil {
		end()
		return one, errors.Join(err, one.listener.Close())
	}
	one.published.HostPort = where.Port()
	return one, nil
}

// dialer connects with ports of a container on its first network.
func (o *owner) dialer(c *contained) dialFunc {
	return func(ctx context.Context, network string, port uint16) (agentproto.Conn, error) {
		state, err := o.refresh(ctx, c)
		if err != nil {
			return nil, err
		}
		for _, at := range state.Info.Networks {
			if at.IPv4 != "" {
				return o.agent.Dial(ctx, network, net.JoinHostPort(at.IPv4, strconv.Itoa(int(port))))
			}
		}
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "the container has no address")
	}
}
