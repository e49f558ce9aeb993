//go:build linux

package network

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
)

// inside runs do in a container, with its interface.
func inside(t testing.TB, ns *os.File, do func(eth0 netlink.Link) error) {
	t.Helper()
	require.NoError(t, hosttest.In(t, ns, func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return do(l)
	}))
}

// dialFrom connects from one of the container's addresses.
func dialFrom(t testing.TB, ns *os.File, from, to string) error {
	t.Helper()
	return hosttest.In(t, ns, func() error {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: soon}
		c, err := d.Dial("tcp", to)
		if err == nil {
			_ = c.Close()
		}
		return err
	})
}

// TestEgressEvasion: who may change addresses, routes and neighbours in the container
// gets no further by it.
func TestEgressEvasion(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	internet(t, otherWorld4, otherWorld6)
	bothFilters(t, evade)
}

func evade(t *testing.T) {
	m := manager(t)
	dual(t, m, "net")
	free, freeNS := start(t, m, Request{ContainerID: "free", Networks: on("net")})
	hosttest.Serve(t, freeNS, "tcp", ":80", "free")
	held, ns := start(t, m, Request{ContainerID: "held", Networks: on("net"), Egress: allow("203.0.113.2:80", "[2001:db8::2]:80")})
	f, h := free.Endpoints()[0], held.Endpoints()[0]
	works := func() {
		t.Helper()
		reaches(t, ns, "tcp", "203.0.113.2:80")
		reaches(t, ns, "tcp", "[2001:db8::2]:80")
	}
	works()

	// Another address: free ones, the neighbour's, and the kernel's own of IPv6.
	others := []string{"10.88.0.77/24", f.IPv4 + "/24", "172.16.9.9/24", strings.TrimSuffix(h.IPv6, "3") + "77/64", f.IPv6 + "/64"}
	inside(t, ns, func(l netlink.Link) error {
		for _, s := range others {
			p := netip.MustParsePrefix(s)
			if err := netlink.AddrAdd(l, address(p.Addr(), p.Bits())); err != nil {
				return err
			}
		}
		return nil
	})
	for _, s := range others {
		to := []string{otherWorld4 + ":80", "203.0.113.2:80", f.Gateway4 + ":22"}
		if a := netip.MustParsePrefix(s).Addr(); a.Is6() {
			to = []string{"[" + otherWorld6 + "]:80", "[2001:db8::2]:80"}
		}
		for _, to := range to {
			from := netip.MustParsePrefix(s).Addr().String()
			if err := dialFrom(t, ns, from, to); err == nil {
				t.Errorf("%s reaches %s", from, to)
			}
		}
	}
	inside(t, ns, func(l netlink.Link) error {
		for _, s := range others {
			p := netip.MustParsePrefix(s)
			if err := netlink.AddrDel(l, address(p.Addr(), p.Bits())); err != nil {
				return err
			}
		}
		return nil
	})
	works()

	// A neighbour that routes.
	require.NoError(t, hosttest.In(t, freeNS, func() error { return os.WriteFile(procNet+"ipv4/ip_forward", []byte("1"), 0) }))
	routeIn(t, ns, otherWorld4+"/32", f.IPv4)
	refused(t, ns, "tcp", otherWorld4+":80")

	// The neighbour's hardware address by hand, for a destination that is not its own.
	mac, err := net.ParseMAC(f.MACAddress)
	require.NoError(t, err)
	inside(t, ns, func(l netlink.Link) error {
		return netlink.NeighSet(&netlink.Neigh{LinkIndex: l.Attrs().Index, IP: net.ParseIP(f.Gateway4), HardwareAddr: mac, State: netlink.NUD_PERMANENT, Family: unix.AF_INET})
	})
	refused(t, ns, "tcp", otherWorld4+":80")
	refused(t, ns, "tcp", f.IPv4+":80")
	works()

	// Another hardware address.
	inside(t, ns, func(l netlink.Link) error { return netlink.LinkSetHardwareAddr(l, mac) })
	silent(t, ns, "tcp", "203.0.113.2:80")
	own, err := net.ParseMAC(h.MACAddress)
	require.NoError(t, err)
	inside(t, ns, func(l netlink.Link) error { return netlink.LinkSetHardwareAddr(l, own) })
	reaches(t, ns, "tcp", "203.0.113.2:80")
}

// frames counts the frames that come to an interface and for which mine is true, until
// the end, which is a frame that last is true for.
func frames(t testing.TB, ns *os.File, last func(frame []byte) bool, mine func(frame []byte) bool) (count func() int) {
	t.Helper()
	var fd int
	inside(t, ns, func(l netlink.Link) (err error) {
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL))); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: l.Attrs().Index})
	})
	t.Cleanup(func() { _ = unix.Close(fd) })
	require.NoError(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}))
	return func() (n int) {
		buf := make([]byte, 2048)
		for {
			size, _, err := unix.Recvfrom(fd, buf, 0)
			require.NoError(t, err, "the last frame does not come")
			if last(buf[:size]) {
				return n
			}
			if mine(buf[:size]) {
				n++
			}
		}
	}
}

func htons(n uint16) uint16 { return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n)) }

// TestEgressFrames: frames that are forged in a container with a policy get to nobody;
// without one they do.
func TestEgressFrames(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	bothFilters(t, forgeAll)
}

func forgeAll(t *testing.T) {
	m := manager(t)
	dual(t, m, "net")
	free, freeNS := start(t, m, Request{ContainerID: "free", Networks: on("net")})
	for id, policy := range map[string]*vzcontract.EgressPolicy{"held": allow(), "other": nil} {
		s, ns := start(t, m, Request{ContainerID: id, Networks: on("net"), Egress: policy})
		forge(t, freeNS, ns, free.Endpoints()[0], s.Endpoints()[0], policy != nil)
	}
}

func forge(t *testing.T, freeNS, ns *os.File, f, h vzcontract.NetworkEndpoint, held bool) {
	t.Helper()
	own, err := net.ParseMAC(h.MACAddress)
	require.NoError(t, err)
	victim, err := net.ParseMAC(f.MACAddress)
	require.NoError(t, err)
	address := func(s string) []byte { return netip.MustParseAddr(s).AsSlice() }
	ethernet := func(to, from net.HardwareAddr, kind uint16, rest ...[]byte) []byte {
		frame := append(append(append([]byte{}, to...), from...), byte(kind>>8), byte(kind))
		for _, r := range rest {
			frame = append(frame, r...)
		}
		return append(frame, make([]byte, max(0, 60-len(frame)))...)
	}
	stranger := net.HardwareAddr{2, 0, 0, 0, 0, 0x99}
	broadcast := net.HardwareAddr{255, 255, 255, 255, 255, 255}
	arp := func(mac net.HardwareAddr, ip string) []byte {
		return ethernet(broadcast, own, unix.ETH_P_ARP, []byte{0, 1, 8, 0, 6, 4, 0, 2}, mac, address(ip), victim, address(f.IPv4))
	}
	ip4 := func(from, to string, protocol byte, rest ...byte) []byte {
		packet := append(append([]byte{0x45, 0, 0, byte(20 + len(rest)), 0, 0, 0, 0, 64, protocol, 0, 0}, address(from)...), address(to)...)
		sum := uint32(0)
		for i := 0; i < 20; i += 2 {
			sum += uint32(binary.BigEndian.Uint16(packet[i:]))
		}
		binary.BigEndian.PutUint16(packet[10:], ^uint16(sum+sum>>16))
		return append(packet, rest...)
	}
	ip6 := func(from, to string, next byte, rest ...byte) []byte {
		return append(append(append([]byte{0x60, 0, 0, 0, 0, byte(len(rest)), next, 255}, address(from)...), address(to)...), rest...)
	}
	advertise := func(target string) []byte { return append([]byte{136, 0, 0, 0, 0x20, 0, 0, 0}, address(target)...) }
	udp := []byte{0, 53, 0, 53, 0, 8, 0, 0}
	syn := []byte{0, 80, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0x10, 0, 0, 0, 0, 0}
	forged := map[string][]byte{
		"ARP for the gateway":       arp(own, f.Gateway4),
		"ARP for another":           arp(own, f.IPv4),
		"ARP with another hardware": arp(victim, h.IPv4),
		"discovery for another":     ethernet(victim, own, unix.ETH_P_IPV6, ip6(h.IPv6, f.IPv6, 58, advertise(f.Gateway6)...)),
		"discovery from another":    ethernet(victim, own, unix.ETH_P_IPV6, ip6(f.Gateway6, f.IPv6, 58, advertise(h.IPv6)...)),
		"hidden discovery":          ethernet(victim, own, unix.ETH_P_IPV6, ip6(h.IPv6, f.IPv6, 0, append([]byte{58, 0, 1, 4, 0, 0, 0, 0}, advertise(f.Gateway6)...)...)),
		"router":                    ethernet(victim, own, unix.ETH_P_IPV6, ip6("fe80::1", "ff02::1", 58, 134, 0, 0, 0, 64, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
		"source":                    ethernet(victim, own, unix.ETH_P_IP, ip4("10.88.0.77", f.IPv4, 17, udp...)),
		"hardware source":           ethernet(victim, stranger, unix.ETH_P_IP, ip4(h.IPv4, f.IPv4, 17, udp...)),
		"datagram":                  ethernet(victim, own, unix.ETH_P_IP, ip4(h.IPv4, f.IPv4, 17, udp...)),
		"broadcast datagram":        ethernet(broadcast, own, unix.ETH_P_IP, ip4(h.IPv4, "255.255.255.255", 17, udp...)),
		"datagram 6":                ethernet(victim, own, unix.ETH_P_IPV6, ip6(h.IPv6, f.IPv6, 17, udp...)),
		"multicast":                 ethernet(net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}, own, unix.ETH_P_IPV6, ip6(h.IPv6, "ff02::1", 17, udp...)),
		"connection":                ethernet(victim, own, unix.ETH_P_IP, ip4(h.IPv4, f.IPv4, 6, syn...)),
		"other protocol":            ethernet(victim, own, unix.ETH_P_IP, ip4(h.IPv4, f.IPv4, 47, 0, 0, 8, 0)),
		"tag":                       ethernet(victim, own, unix.ETH_P_8021Q, []byte{0, 0, 8, 0}, ip4(h.IPv4, f.IPv4, 17, udp...)),
		"other ethertype":           ethernet(victim, own, 0x88b5, []byte("secret")),
		"length":                    ethernet(victim, own, 46, []byte("secret")),
	}
	end := ethernet(broadcast, own, unix.ETH_P_ARP, []byte{0, 1, 8, 0, 6, 4, 0, 1}, own, address(h.IPv4), make([]byte, 6), address(f.IPv4))
	isEnd := func(frame []byte) bool { return string(frame[6:42]) == string(end[6:42]) }
	from := func(frame []byte) bool {
		return string(frame[6:12]) == string(own) || string(frame[6:12]) == string(stranger)
	}
	send := func(frame []byte) {
		inside(t, ns, func(l netlink.Link) error {
			fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: l.Attrs().Index})
		})
	}
	for name, frame := range forged {
		count := frames(t, freeNS, isEnd, from)
		send(frame)
		send(end)
		if n := count(); (n == 0) != held {
			t.Errorf("%s: %d frames come to the neighbour", name, n)
		}
	}
	answers := ethernet(victim, own, unix.ETH_P_IPV6, ip6(h.IPv6, f.IPv6, 58, advertise(h.IPv6)...))
	count := frames(t, freeNS, isEnd, func(frame []byte) bool { return string(frame) == string(answers) }) // the kernel's own come, too
	send(answers)
	send(end)
	require.Equal(t, 1, count(), "an honest frame does not come")
}

// TestEgressPublished: published ports answer, whoever asks; what the container begins
// by the same port does not get out.
func TestEgressPublished(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	world := internet(t)
	bothFilters(t, func(t *testing.T) { askPublished(t, world) })
}

func askPublished(t *testing.T, world *os.File) {
	m := manager(t)
	dual(t, m, "net")
	s, ns := start(t, m, Request{ContainerID: "held", Networks: on("net"), Egress: allow(), Ports: []vzcontract.PortMapping{
		{ContainerPort: 80, HostPort: 8080, Protocol: "tcp"}, {ContainerPort: 53, HostPort: 5353, Protocol: "udp"},
	}})
	hosttest.Serve(t, ns, "tcp", ":80", "held")
	hosttest.Serve(t, ns, "udp", ":53", "held")
	e := s.Endpoints()[0]
	answers(t, world, "tcp", "203.0.113.1:8080", "held 203.0.113.2")
	answers(t, world, "udp", "203.0.113.1:5353", "held 203.0.113.2")
	answers(t, world, "tcp", "[2001:db8::1]:8080", "held 2001:db8::2")
	answers(t, nil, "tcp", "127.0.0.1:8080", "held "+e.Gateway4)
	answers(t, nil, "tcp", "[::1]:8080", "held "+e.Gateway6)
	answers(t, nil, "tcp", e.IPv4+":80", "held "+e.Gateway4)
	if err := dialFrom(t, ns, e.IPv4, "203.0.113.2:80"); err == nil {
		t.Error("the container reaches who has asked it")
	}
	refused(t, ns, "tcp", "203.0.113.1:8080")
}

// TestEgressNewcomer: what the kernel remembers of connections of the address's last
// owner is of no use to the next.
func TestEgressNewcomer(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	world := internet(t)
	m := manager(t)
	ctx := context.Background()
	old, oldNS := start(t, m, Request{ContainerID: "old", Networks: []vzcontract.NetworkAttach{{Network: DefaultNetwork, IPv4: "10.88.0.9"}}})
	hosttest.Serve(t, world, "udp", ":9999", "world")
	ask := func(ns *os.File) error {
		return hosttest.In(t, ns, func() error {
			d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(10, 88, 0, 9), Port: 4000}}
			c, err := d.Dial("udp", "203.0.113.2:9999")
			if err != nil {
				return err
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(5 * time.Second))
			if _, err := c.Write([]byte("?")); err != nil {
				return err
			}
			_, err = c.Read(make([]byte, 100))
			return err
		})
	}
	require.NoError(t, ask(oldNS))
	require.NoError(t, old.Close(ctx))
	_, ns := start(t, m, Request{ContainerID: "new", Networks: []vzcontract.NetworkAttach{{Network: DefaultNetwork, IPv4: "10.88.0.9"}}, Egress: allow()})
	require.ErrorIs(t, ask(ns), unix.EHOSTUNREACH)
}

// TestEgressRelated: a container's errors of ICMP do not get out by connections that
// others have, as by a ping of the host's.
func TestEgressRelated(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	world := internet(t)
	m := manager(t)
	ping := []byte{8, 0, 0xf7, 0xb1, 0, 77, 0, 1}
	for _, policy := range []*vzcontract.EgressPolicy{nil, allow()} {
		s, ns := start(t, m, Request{ContainerID: "c", Networks: on(DefaultNetwork), Egress: policy})
		var outside net.PacketConn
		require.NoError(t, hosttest.In(t, world, func() (err error) {
			if outside, err = net.ListenPacket("ip4:icmp", "203.0.113.2"); err != nil {
				return err
			}
			_, err = outside.WriteTo(ping, &net.IPAddr{IP: net.IPv4(203, 0, 113, 1)})
			return err
		}))
		require.NoError(t, outside.SetDeadline(time.Now().Add(10*time.Second)))
		buf := make([]byte, 2048)
		_, _, err := outside.ReadFrom(buf)
		require.NoError(t, err)
		require.EqualValues(t, 0, buf[0], "the host answers the ping")

		inner := append([]byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0, 203, 0, 113, 2, 203, 0, 113, 1}, ping...)
		binary.BigEndian.PutUint16(inner[10:], checksum(inner[:20]))
		message := append([]byte{3, 1, 0, 0, 0, 0, 0, 0}, inner...)
		binary.BigEndian.PutUint16(message[2:], checksum(message))
		require.NoError(t, hosttest.In(t, ns, func() error {
			c, err := net.Dial("ip4:icmp", "203.0.113.2")
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = c.Write(message)
			return err
		}))
		if policy != nil {
			refused(t, ns, "tcp", "203.0.113.2:80") // what came before it is judged
			require.NoError(t, outside.SetDeadline(time.Now().Add(300*time.Millisecond)))
		}
		_, _, err = outside.ReadFrom(buf)
		if policy == nil {
			require.NoError(t, err, "without a policy the error gets out")
			require.EqualValues(t, 3, buf[0])
		} else {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded, "the error gets out")
		}
		require.NoError(t, outside.Close())
		require.NoError(t, s.Close(context.Background()))
	}
}

func checksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	return ^uint16(sum + sum>>16)
}
