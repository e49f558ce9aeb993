package usernet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/containers/gvisor-tap-vsock/pkg/types"
	"github.com/containers/gvisor-tap-vsock/pkg/virtualnetwork"

	"vz.internal/vzcore/config"
)

// gatewayMAC is the gateway's in every user network.
const gatewayMAC = "5a:94:ef:e4:0c:dd"

const defaultMTU = 1500

// A Network is one guest's user network: a switch with a gateway in this process.
type Network struct {
	cancel context.CancelFunc
	conn   *net.UnixConn
	ports  []net.Listener
	work   sync.WaitGroup
}

// New returns a network that runs, with its ports open, and the hypervisor's end of its
// cable, which the caller closes when the hypervisor has it: a datagram socket on which
// each datagram is one frame.
func New(cfg config.Network) (*Network, *os.File, error) {
	subnet, gateway, guest := cfg.User.Addresses()
	mtu := cfg.User.MTU
	if mtu == 0 {
		mtu = defaultMTU
	}
	settings := &types.Configuration{
		MTU: mtu, Subnet: subnet.String(), GatewayIP: gateway.String(), GatewayMacAddress: gatewayMAC,
		DHCPStaticLeases: map[string]string{guest.String(): cfg.MAC}, Forwards: map[string]string{}, DNS: zones(cfg.User.Hosts),
	}
	for _, p := range cfg.User.Ports {
		if p.Protocol == "udp" {
			settings.Forwards["udp:"+p.Host.String()] = netip.AddrPortFrom(guest, p.Guest).String()
		}
	}
	virtual, err := virtualnetwork.New(settings)
	if err != nil {
		return nil, nil, fmt.Errorf("make the user network: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &Network{cancel: cancel}
	for _, p := range cfg.User.Ports {
		if p.Protocol == "udp" {
			continue
		}
		l, err := net.Listen("tcp", p.Host.String())
		if err != nil {
			n.Close()
			return nil, nil, fmt.Errorf("publish port %d of the guest: %w", p.Guest, err)
		}
		n.ports = append(n.ports, l)
		to := netip.AddrPortFrom(guest, p.Guest).String()
		n.work.Go(func() { n.publish(ctx, l, func() (net.Conn, error) { return virtual.DialContextTCP(ctx, to) }) })
	}
	conn, theirs, err := pair()
	if err != nil {
		n.Close()
		return nil, nil, err
	}
	n.conn = conn
	n.work.Go(func() { _ = virtual.AcceptVfkit(ctx, cable{conn, ctx}) })
	return n, theirs, nil
}

// zones makes names that the gateway's DNS server answers for itself, one zone for
// each domain.
func zones(hosts map[string]netip.Addr) []types.Zone {
	var all []types.Zone
	at := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		host, domain, _ := strings.Cut(name, ".")
		i, known := at[domain]
		if !known {
			i = len(all)
			at[domain] = i
			all = append(all, types.Zone{Name: domain + "."})
		}
		all[i].Records = append(all[i].Records, types.Record{Name: host, IP: net.IP(hosts[name].AsSlice())})
	}
	return all
}

// A cable is the connection with the hypervisor.
type cable struct {
	net.Conn
	ctx context.Context // ends with the network
}

// minFrame is the shortest Ethernet frame that has a header.
const minFrame = 14

// Read implements net.Conn. It drops frames that are too short to be any: the
// switch believes that a guest sends none. After the end, which is no failure, it
// returns an empty frame, upon which the reader sees that it is over.
func (c cable) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil && c.ctx.Err() != nil {
			clear(p[:minFrame])
			return minFrame, nil
		}
		if err != nil || n >= minFrame {
			return n, err
		}
	}
}

// Write implements net.Conn. After the end, which is no failure, frames are lost.
func (c cable) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil && c.ctx.Err() != nil {
		return len(p), nil
	}
	return n, err
}

// publish carries connections of l on to the guest.
func (n *Network) publish(ctx context.Context, l net.Listener, dial func() (net.Conn, error)) {
	for {
		outside, err := l.Accept()
		if err != nil {
			return
		}
		n.work.Go(func() {
			stop := context.AfterFunc(ctx, func() { _ = outside.Close() })
			defer stop()
			inside, err := dial()
			if err != nil {
				_ = outside.Close()
				return
			}
			stopInside := context.AfterFunc(ctx, func() { _ = inside.Close() })
			defer stopInside()
			join(outside, inside)
		})
	}
}

// join copies both ways until both have ended, and closes both.
func join(a, b net.Conn) {
	var wait sync.WaitGroup
	copyOne := func(to, from net.Conn) {
		_, err := io.Copy(to, from)
		if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
			err = half.CloseWrite()
		}
		if err != nil {
			_ = to.Close()
			_ = from.Close()
		}
	}
	wait.Go(func() { copyOne(a, b) })
	wait.Go(func() { copyOne(b, a) })
	wait.Wait()
	_ = a.Close()
	_ = b.Close()
}

// Close ends the network, its ports and their connections.
func (n *Network) Close() {
	n.cancel()
	var errs []error
	for _, l := range n.ports {
		errs = append(errs, l.Close())
	}
	if n.conn != nil {
		errs = append(errs, n.conn.Close())
	}
	_ = errors.Join(errs...) // closing twice is no failure
	n.work.Wait()
}
