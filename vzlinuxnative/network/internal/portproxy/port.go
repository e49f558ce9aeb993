package portproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"vz.internal/vzcontract"
)

// A Port is a host port, held from Bind until Close.
type Port struct {
	addr     netip.AddrPort
	protocol string
	tcp      *net.TCPListener
	udp      *net.UDPConn
	done     chan struct{}
	target   atomic.Pointer[netip.AddrPort]
	dial     func(ctx context.Context, c *net.TCPConn) (net.Conn, error)
	within   func(do func() error) error // where sockets to the target are made
	serving  sync.Once
	work     sync.WaitGroup
	once     sync.Once

	mu    sync.Mutex
	conns map[net.Conn]bool // guarded by mu; nil after Close
}

// Bind takes a host port; port 0 is a free one. One that is taken is
// vzcontract.ErrConflict, an address that is none of this host's
// vzcontract.ErrValidation.
func Bind(protocol string, addr netip.AddrPort) (*Port, error) {
	p := &Port{protocol: protocol, done: make(chan struct{}), conns: map[net.Conn]bool{}, within: func(do func() error) error { return do() }}
	p.dial = p.dialTarget
	family := "4"
	if addr.Addr().Is6() {
		family = "6"
	}
	var err error
	var config net.ListenConfig
	switch protocol {
	case "tcp":
		var l net.Listener
		if l, err = config.Listen(context.Background(), "tcp"+family, addr.String()); err == nil {
			p.tcp = l.(*net.TCPListener)
			p.addr = l.Addr().(*net.TCPAddr).AddrPort()
		}
	case "udp":
		var c net.PacketConn
		if c, err = config.ListenPacket(context.Background(), "udp"+family, addr.String()); err == nil {
			p.udp = c.(*net.UDPConn)
			p.addr = c.LocalAddr().(*net.UDPAddr).AddrPort()
		}
	default:
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "port %s: protocol %q is neither tcp nor udp", addr, protocol)
	}
	if err != nil {
		return nil, bindError(protocol, addr, err)
	}
	p.addr = netip.AddrPortFrom(addr.Addr(), p.addr.Port())
	return p, nil
}

// firstPort has the first port that needs no right. What it says is of IPv6 too.
const firstPort = "/proc/sys/net/ipv4/ip_unprivileged_port_start"

func bindError(protocol string, addr netip.AddrPort, err error) error {
	class, why := vzcontract.ErrInternal, err.Error()
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		class, why = vzcontract.ErrConflict, "it is in use"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		class, why = vzcontract.ErrValidation, addr.Addr().String()+" is not an address of this host"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		class, why = vzcontract.ErrDenied, "no permission to bind it"
		if first, err := os.ReadFile(firstPort); err == nil {
			why = fmt.Sprintf("ports below %[1]s are for root: choose another one, or as root: sysctl -w %[2]s=%[3]d",
				strings.TrimSpace(string(first)), "net.ipv4.ip_unprivileged_port_start", addr.Port())
		}
	case errors.Is(err, syscall.EAFNOSUPPORT):
		class, why = vzcontract.ErrUnsupported, "the host has no IPv6"
	}
	return vzcontract.Errorf(class, "publish port %s/%s: %s", addr, protocol, why)
}

// Addr is the host's address and port.
func (p *Port) Addr() netip.AddrPort { return p.addr }

// Protocol is "tcp" or "udp".
func (p *Port) Protocol() string { return p.protocol }

// Relay serves the connections that l accepts, each with the far end that dial
// makes for it. The port owns l.
func Relay(l *net.TCPListener, dial func(ctx context.Context, c *net.TCPConn) (net.Conn, error)) *Port {
	p := &Port{tcp: l, protocol: "tcp", addr: l.Addr().(*net.TCPAddr).AddrPort(), done: make(chan struct{}), conns: map[net.Conn]bool{}, dial: dial}
	p.Serve(netip.AddrPort{})
	return p
}

// Within makes the sockets to targets where within runs its argument, before Serve.
func (p *Port) Within(within func(do func() error) error) { p.within = within }

// Serve copies what arrives at the port to target and back, until Close. It
// returns at once. Called again it changes the target of new connections; one
// that is not valid turns them away.
func (p *Port) Serve(target netip.AddrPort) {
	p.target.Store(&target)
	p.serving.Do(func() {
		p.work.Go(func() {
			if p.tcp != nil {
				p.serveTCP()
			} else {
				p.serveUDP()
			}
		})
	})
}

// Close gives the port back and ends the connections through it.
func (p *Port) Close() error {
	var err error
	p.once.Do(func() {
		close(p.done)
		if p.tcp != nil {
			err = p.tcp.Close()
		} else {
			err = p.udp.Close()
		}
		p.mu.Lock()
		conns := p.conns
		p.conns = nil
		p.mu.Unlock()
		for c := range conns {
			_ = c.Close()
		}
	})
	p.work.Wait()
	if err != nil {
		return fmt.Errorf("close port %s: %w", p.addr, err)
	}
	return nil
}

// track remembers c to be closed; false, with c closed, when p is closed.
func (p *Port) track(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		_ = c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *Port) forget(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}
