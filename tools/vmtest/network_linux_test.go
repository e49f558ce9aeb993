package vmtest

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// serving starts the helper's echo server in the guest.
func (g *Guest) serving(t *testing.T, address string) {
	t.Helper()
	shown, output := io.Pipe()
	_, err := g.Agent.Start(t.Context(), vzlinux.Command{Args: helper("serve", address), Stdout: output, Stderr: output})
	require.NoError(t, err)
	lines := bufio.NewScanner(shown)
	require.True(t, lines.Scan())
	require.Equal(t, "serving", lines.Text())
	go func() { _, _ = io.Copy(io.Discard, shown) }()
}

func TestForward(t *testing.T) { each(t, testForward) }

func testForward(t *testing.T, arch string) {
	g := guest(t, arch)
	g.serving(t, "127.0.0.1:99")
	c, err := g.Agent.Dial(t.Context(), "tcp", "127.0.0.1:99")
	require.NoError(t, err)
	sent := strings.Repeat("0123456789", 100_000)
	go func() {
		_, _ = io.WriteString(c, sent)
		_ = c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, sent, string(got))
	_ = c.Close()

	u, err := g.Agent.Dial(t.Context(), "udp", "127.0.0.1:99")
	require.NoError(t, err)
	for _, datagram := range []string{"one", "", strings.Repeat("x", 9000)} {
		frame := append(binary.LittleEndian.AppendUint16(nil, uint16(len(datagram))), datagram...)
		_, err = u.Write(frame)
		require.NoError(t, err)
		back := make([]byte, len(frame))
		_, err = io.ReadFull(u, back)
		require.NoError(t, err)
		require.Equal(t, frame, back)
	}
	_ = u.Close()

	_, err = g.Agent.Dial(t.Context(), "tcp", "127.0.0.1:98")
	require.ErrorIs(t, err, vzcontract.ErrUnavailable)
	require.ErrorContains(t, err, "connection refused")
	_, err = g.Agent.Dial(t.Context(), "icmp", "127.0.0.1")
	require.ErrorIs(t, err, vzcontract.ErrValidation)
}

// freePort returns a port of the host that was free a moment ago.
func freePort(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String())
}

// hostAddress returns an address of this host that is not the loopback's.
func hostAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range all {
		if p, ok := a.(*net.IPNet); ok && p.IP.To4() != nil && !p.IP.IsLoopback() {
			return p.IP.String()
		}
	}
	t.Skip("needs an IPv4 address of the host besides the loopback's")
	return ""
}

func TestNetwork(t *testing.T) { each(t, testNetwork) }

func testNetwork(t *testing.T, arch string) {
	cfg := Config(t, arch)
	tcp, udp := freePort(t), freePort(t)
	cfg.Network = config.Network{Kind: config.NetworkUser, MAC: config.RandomMAC(), User: config.User{
		Ports: []config.Port{{Host: tcp, Guest: 80}, {Protocol: "udp", Host: udp, Guest: 80}},
		Hosts: map[string]netip.Addr{"db.internal": netip.MustParseAddr("10.9.8.7")},
	}}
	g := Start(t, arch, cfg)
	g.Install(t, arch)
	subnet, gateway, address := cfg.Network.User.Addresses()
	up := agentproto.NetworkRequest{Address: netip.PrefixFrom(address, subnet.Bits()), Gateway: gateway, DNS: []netip.Addr{gateway}, Hostname: "guest"}
	for _, mode := range []agentproto.NetworkRequest{{DHCP: true, Hostname: "guest"}, up} {
		require.NoError(t, g.Agent.Call(t.Context(), agentproto.MethodNetworkUp, mode, nil))
		_, out := g.run(t, vzlinux.Command{Args: helper("read", "/etc/resolv.conf")})
		require.Equal(t, "nameserver 192.168.127.1\n", out)

		_, out = g.run(t, vzlinux.Command{Args: helper("resolve", "db.internal")})
		require.Contains(t, out, "10.9.8.7")
		g.egress(t)
		g.published(t, tcp, udp)
		require.NoError(t, g.Agent.Call(t.Context(), agentproto.MethodNetworkDown, agentproto.NetworkRequest{}, nil))
	}
	info, err := g.Agent.Info(t.Context())
	require.NoError(t, err)
	require.Equal(t, "guest", info.Hostname)
}

// egress has the guest reach a server of the host.
func (g *Guest) egress(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(hostAddress(t), "0"))
	require.NoError(t, err)
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}()
	_, out := g.run(t, vzlinux.Command{Args: helper("fetch", "tcp", l.Addr().String(), "from the guest")})
	require.Equal(t, "from the guest\n", out)
}

// published reaches the guest's server through the host's ports.
func (g *Guest) published(t *testing.T, tcp, udp netip.AddrPort) {
	t.Helper()
	shown, output := io.Pipe()
	e, err := g.Agent.Start(t.Context(), vzlinux.Command{Args: helper("serve", ":80"), Stdout: output, Stderr: output})
	require.NoError(t, err)
	lines := bufio.NewScanner(shown)
	require.True(t, lines.Scan())
	for network, address := range map[string]netip.AddrPort{"tcp": tcp, "udp": udp} {
		c, err := net.Dial(network, address.String())
		require.NoError(t, err)
		_, err = io.WriteString(c, "to the guest")
		require.NoError(t, err)
		got := make([]byte, 12)
		_, err = io.ReadFull(c, got)
		require.NoError(t, err, network)
		require.Equal(t, "to the guest", string(got))
		require.NoError(t, c.Close())
	}
	require.NoError(t, e.Kill(t.Context()))
	_, err = e.Wait(t.Context())
	require.NoError(t, err)
}
