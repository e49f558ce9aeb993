//go:build linux

package network

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/testreq"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
	"vz.internal/vzlinuxnative/network/internal/nft"
)

// BenchmarkConnect takes the time from Reserve to the end of Connect, and
// beside it that of the ip program doing the same, turn by turn.
func BenchmarkConnect(b *testing.B) {
	if !hosttest.Enter(b) {
		return
	}
	ip := testreq.Program(b, "ip")[0]
	ctx := context.Background()
	m := manager(b)
	start(b, m, Request{ContainerID: "first", Networks: on(DefaultNetwork)})
	bridge := bridgeOf(b, m, DefaultNetwork)
	for _, ports := range []int{0, 1} {
		var reserve, connect, closing, programs []time.Duration
		for range 30 {
			r := Request{ContainerID: "c", Networks: on(DefaultNetwork), FilesDir: b.TempDir()}
			for range ports {
				r.Ports = append(r.Ports, vzcontract.PortMapping{ContainerPort: 80, Protocol: "tcp"})
			}
			ns := hosttest.Namespace(b)
			begin := time.Now()
			s, err := m.Reserve(ctx, r)
			require.NoError(b, err)
			reserved := time.Now()
			require.NoError(b, s.Connect(ctx, ns))
			connected := time.Now()
			require.NoError(b, s.Close(ctx))
			closing = append(closing, time.Since(connected))
			reserve, connect = append(reserve, reserved.Sub(begin)), append(connect, connected.Sub(reserved))
			programs = append(programs, byPrograms(b, ip, bridge, hosttest.Namespace(b)))
		}
		b.Logf("%d ports: reserve %v, connect %v, close %v; eight calls of ip %v", ports, median(reserve), median(connect), median(closing), median(programs))
	}
}

func byPrograms(b *testing.B, ip, bridge string, ns *os.File) time.Duration {
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), ns.Fd())
	begin := time.Now()
	for i, args := range []string{
		"link add bench0 type veth peer name eth0", "link set bench0 master " + bridge + " up", "link set eth0 netns " + path,
		"addr add 10.88.0.200/24 dev eth0", "link set eth0 up", "link set lo up", "route add default via 10.88.0.1", "link show",
	} {
		call := func() error { return exec.Command(ip, strings.Fields(args)...).Run() }
		var err error
		if i < 3 {
			err = call()
		} else {
			err = hosttest.In(b, ns, call)
		}
		if err != nil {
			b.Fatalf("ip %s: %v", args, err)
		}
	}
	took := time.Since(begin)
	require.NoError(b, exec.Command(ip, "link", "del", "bench0").Run())
	return took
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2].Round(time.Microsecond)
}

// BenchmarkPublish takes the time of one more published port among many.
func BenchmarkPublish(b *testing.B) {
	if !hosttest.Enter(b) {
		return
	}
	m := manager(b)
	start(b, m, Request{ContainerID: "first", Networks: on(DefaultNetwork)})
	var took []time.Duration
	for i := range 200 {
		p := portOf(uint16(10000 + i%50000))
		begin := time.Now()
		require.NoError(b, m.table.Publish([]nft.Port{p}))
		took = append(took, time.Since(begin))
	}
	b.Logf("publish %v", median(took))
}

// BenchmarkNames takes the time of one question inside a container.
func BenchmarkNames(b *testing.B) {
	if !hosttest.Enter(b) {
		return
	}
	m := manager(b)
	_, err := m.Create(context.Background(), vzcontract.NetworkConfig{Name: "net"})
	require.NoError(b, err)
	_, ns := start(b, m, Request{ContainerID: "a", Name: "a", Networks: on("net")})
	for i := range 20 {
		start(b, m, Request{ContainerID: fmt.Sprint("b", i), Name: fmt.Sprint("b", i), Networks: on("net")})
	}
	var took []time.Duration
	require.NoError(b, hosttest.In(b, ns, func() error {
		c, err := net.Dial("udp", "127.0.0.11:53")
		if err != nil {
			return err
		}
		defer c.Close()
		packed, err := new(dns.Msg).SetQuestion("b7.", dns.TypeA).Pack()
		if err != nil {
			return err
		}
		buf := make([]byte, 512)
		for range 2000 {
			begin := time.Now()
			if _, err := c.Write(packed); err != nil {
				return err
			}
			if _, err := c.Read(buf); err != nil {
				return err
			}
			took = append(took, time.Since(begin))
		}
		return nil
	}))
	b.Logf("question %v", median(took))
}

// BenchmarkThroughput copies through a published port, through the proxy of
// [::1] and straight to the container.
func BenchmarkThroughput(b *testing.B) {
	if !hosttest.Enter(b) {
		return
	}
	world := hosttest.Outside(b)
	m := manager(b)
	s, ns := start(b, m, Request{ContainerID: "a", Networks: on(DefaultNetwork), Ports: []vzcontract.PortMapping{{ContainerPort: 80, HostPort: 8080, Protocol: "tcp"}}})
	sink(b, ns, ":80")
	sink(b, world, ":80")
	direct := s.Endpoints()[0].IPv4 + ":80"
	paths := []struct {
		name, address string
		from          *os.File
	}{
		{"veth pair, host to world", "203.0.113.2:80", nil},
		{"bridge, host to container", direct, nil},
		{"published, 127.0.0.1", "127.0.0.1:8080", nil},
		{"proxy, [::1]", "[::1]:8080", nil},
		{"container to world", "203.0.113.2:80", ns},
		{"published, world to container", "203.0.113.1:8080", world},
	}
	rates := map[string][]time.Duration{}
	const size = 256 << 20
	for range 5 {
		for _, p := range paths {
			push := func() error {
				c, err := net.Dial("tcp", p.address)
				if err != nil {
					return err
				}
				defer c.Close()
				buf := make([]byte, 1<<20)
				begin := time.Now()
				for range size / len(buf) {
					if _, err := c.Write(buf); err != nil {
						return err
					}
				}
				if err := c.(*net.TCPConn).CloseWrite(); err != nil {
					return err
				}
				_, err = io.ReadAll(c)
				rates[p.name] = append(rates[p.name], time.Since(begin))
				return err
			}
			if p.from == nil {
				require.NoError(b, push())
			} else {
				require.NoError(b, hosttest.In(b, p.from, push))
			}
		}
	}
	for _, p := range paths {
		b.Logf("%-30s %.2f GB/s", p.name, size/median(rates[p.name]).Seconds()/1e9)
	}
}

// sink swallows what is sent to a port of ns.
func sink(b *testing.B, ns *os.File, address string) {
	require.NoError(b, hosttest.In(b, ns, func() error {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		b.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					_, _ = io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c})
					_ = c.Close()
				}()
			}
		}()
		return nil
	}))
}
