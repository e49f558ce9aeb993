//go:build linux

package network

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/testreq"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
	"vz.internal/vzlinuxnative/network/internal/names"
	"vz.internal/vzlinuxnative/network/internal/nsthread"
)

// A session is what an ordinary user's managers share: a network namespace, apart from
// the host's.
type session struct {
	dir string
	ns  *os.File
	m   *Manager
	// notes are what is told of the uplink.
	notes chan string
}

var hostPath = os.Getenv("PATH")

// newSession makes a session of a user who has only the program, "" for none.
func newSession(t testing.TB, program string) *session {
	t.Helper()
	path := t.TempDir()
	if program != "" {
		t.Setenv("PATH", hostPath)
		require.NoError(t, os.Symlink(testreq.Program(t, program)[0], filepath.Join(path, program)))
	}
	t.Setenv("PATH", path)
	// The directory's path is longer than a socket's may be.
	s := &session{dir: filepath.Join(t.TempDir(), strings.Repeat("d", 100)), notes: make(chan string, 100)}
	require.NoError(t, os.Mkdir(s.dir, 0o700))
	s.renew(t)
	t.Cleanup(func() { s.nothingLeft(t) })
	return s
}

// renew gives the session another namespace, as its next start does.
func (s *session) renew(t testing.TB) {
	t.Helper()
	ns, err := nsthread.New()
	require.NoError(t, err)
	if s.ns != nil {
		require.NoError(t, s.ns.Close())
	}
	s.ns = ns
	s.m = apartManager(s.dir, ns)
	s.m.opts.Note = func(text string) { s.notes <- text }
}

// apartManager returns a manager of networks in ns.
func apartManager(dir string, ns *os.File) *Manager {
	return Open(Options{
		Dir: filepath.Join(dir, "networks"), RunDir: filepath.Join(dir, "run"),
		Pools:     []Pool{{Range: netip.MustParsePrefix("10.88.0.0/12"), Bits: 24}},
		Namespace: func() (*os.File, error) { return os.Open(procFD(ns)) },
		Keeper:    []string{"/proc/self/exe", "uplink"},
	})
}

// host serves what an ordinary user's test needs of the host: the outside world, which
// also asks on behalf of others, a secret at the loopback, and a resolver there.
func host(t testing.TB) func() {
	return func() {
		world := hosttest.Outside(t)
		hosttest.Serve(t, world, "tcp", ":99", "world")
		hosttest.Serve(t, world, "udp", ":99", "world")
		hosttest.ServeQuestions(t, world, ":98")
		self := hostSpace(t)
		for _, network := range []string{"tcp", "udp"} {
			hosttest.Serve(t, self, network, "127.0.0.1:7777", "secret")
			hosttest.Serve(t, self, network, "[::1]:7777", "secret")
			hosttest.Serve(t, self, network, ":7778", "host")
		}
		udp, tcp, err := listenIn(self, netip.MustParseAddrPort("127.0.0.1:53"))
		require.NoError(t, err)
		server := names.Serve(udp, tcp, outside{}, nil)
		t.Cleanup(func() { _ = server.Close() })
	}
}

// useResolver makes the resolver of host the test host's.
func useResolver(t testing.TB) {
	hostResolvConf = filepath.Join(t.TempDir(), "resolv.conf")
	realResolvConf = hostResolvConf + ".none"
	require.NoError(t, os.WriteFile(hostResolvConf, []byte("nameserver 127.0.0.1\n"), 0o600))
}

// fromWorld checks what the outside world is answered.
func fromWorld(t testing.TB, network, address, want string) {
	t.Helper()
	got, err := hosttest.AskFor(t, "203.0.113.2:98", network, address)
	if err != nil || got != want {
		t.Errorf("%s %s answers the world %q, %v, want %q", network, address, got, err, want)
	}
}

func TestApart(t *testing.T) {
	if !hosttest.EnterUser(t, host(t)) {
		return
	}
	for _, program := range []string{"pasta", "slirp4netns"} {
		t.Run(program, func(t *testing.T) { apart(t, newSession(t, program), program == "pasta") })
	}
}

func apart(t *testing.T, s *session, has6 bool) {
	useResolver(t)
	dual(t, s.m, "net")
	dual(t, s.m, "other")
	_, err := s.m.Create(context.Background(), vzcontract.NetworkConfig{Name: "closed", Internal: true})
	require.NoError(t, err)
	web, c1 := start(t, s.m, Request{ContainerID: "c1", Name: "web", Networks: on("net"), Ports: []vzcontract.PortMapping{
		{ContainerPort: 80, HostPort: 8080, Protocol: "tcp"},
		{ContainerPort: 80, HostPort: 8080, Protocol: "udp"},
		{ContainerPort: 80, HostPort: 8081, Protocol: "tcp", HostIP: "127.0.0.1"},
	}})
	_, c2 := start(t, s.m, Request{ContainerID: "c2", Name: "db", Networks: on("net")})
	_, c3 := start(t, s.m, Request{ContainerID: "c3", Name: "alone", Networks: on("other")})
	_, c4 := start(t, s.m, Request{ContainerID: "c4", Name: "plain", Networks: on(DefaultNetwork)})
	_, c5 := start(t, s.m, Request{ContainerID: "c5", Name: "shut", Networks: on("closed")})
	for _, network := range []string{"tcp", "udp"} {
		hosttest.Serve(t, c1, network, ":80", "web")
	}
	e := web.Endpoints()[0]

	// Names, of containers and by the host's resolver, which only vz reaches.
	require.Equal(t, e.IPv4, question(t, c2, "udp", "web", dns.TypeA))
	require.Equal(t, e.IPv6, question(t, c2, "tcp", "web", dns.TypeAAAA))
	require.Equal(t, "REFUSED", question(t, c3, "udp", "web", dns.TypeA)) // by the host's resolver
	for _, c := range []*os.File{c1, c3, c4} {
		require.Equal(t, "192.0.2.80", question(t, c, "udp", "outside.example", dns.TypeA))
		require.Equal(t, "192.0.2.80", question(t, c, "tcp", "outside.example", dns.TypeA))
	}
	require.Equal(t, "REFUSED", question(t, c5, "udp", "outside.example", dns.TypeA))

	// To each other and out.
	answers(t, c2, "tcp", e.IPv4+":80", "web 10.88.0.3")
	answers(t, c2, "udp", "["+e.IPv6+"]:80", "web "+strings.TrimSuffix(e.IPv6, "2")+"3")
	for _, network := range []string{"tcp", "udp"} {
		answers(t, c2, network, "203.0.113.2:99", "world 203.0.113.1")
		answers(t, c4, network, "203.0.113.2:99", "world 203.0.113.1")
		if has6 {
			answers(t, c2, network, "[2001:db8::2]:99", "world 2001:db8::1")
		}
		silent(t, c3, network, e.IPv4+":80")
		silent(t, c5, network, "203.0.113.2:99")
	}

	require.NoError(t, hosttest.In(t, c2, func() error {
		data, err := os.ReadFile(procNet + "ipv4/tcp_congestion_control")
		require.NotEqual(t, "bbr\n", string(data), "connections stall at the uplink")
		return err
	}))

	// In by published ports.
	for _, network := range []string{"tcp", "udp"} {
		fromWorld(t, network, "203.0.113.1:8080", "web "+e.Gateway4)
		fromWorld(t, network, "[2001:db8::1]:8080", "web "+e.Gateway6)
		answers(t, nil, network, "127.0.0.1:8080", "web "+e.Gateway4)
		answers(t, nil, network, "[::1]:8080", "web "+e.Gateway6)
		for _, c := range []*os.File{c1, c2, c3} {
			answers(t, c, network, "203.0.113.1:8080", "web "+e.Gateway4)
			answers(t, c, network, e.Gateway4+":8080", "web "+e.Gateway4)
		}
	}
	answers(t, nil, "tcp", "127.0.0.1:8081", "web "+e.Gateway4)
	if got, err := hosttest.AskFor(t, "203.0.113.2:98", "tcp", "203.0.113.1:8081"); err == nil {
		t.Errorf("a port of the loopback answers the world %q", got)
	}

	// The host: at its own addresses as for everybody, never at its loopback.
	for _, network := range []string{"tcp", "udp"} {
		answers(t, c2, network, "203.0.113.1:7778", "host 203.0.113.1")
		for _, a := range []string{
			"203.0.113.1", "127.0.0.1", "[::1]", e.Gateway4, "[" + e.Gateway6 + "]", "169.254.77.1", "169.254.77.2", "169.254.77.3",
			"[fd76:7a75:706c::1]", "[fd76:7a75:706c::2]", "10.0.2.2", "10.0.2.3", "[2001:db8::1]",
		} {
			silent(t, c2, network, a+":7777")
			silent(t, s.ns, network, a+":7777")
		}
		silent(t, c2, network, "169.254.77.3:53") // where slirp4netns would answer for names
		silent(t, c2, network, "169.254.77.1:53")
	}
}

func procFD(f *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())) }

// uplinkProcesses are the keeper of the session's uplink, if there is one, and then the
// programs that it runs.
func (s *session) uplinkProcesses(t testing.TB) (pids []int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, f := range all {
		line, err := os.ReadFile(f)
		if err != nil || !strings.Contains(string(line), "\x00--dir\x00"+s.m.opts.RunDir) {
			continue
		}
		dir := filepath.Dir(f)
		pid, err := strconv.Atoi(filepath.Base(dir))
		require.NoError(t, err)
		pids = append(pids, pid)
		tasks, err := filepath.Glob(filepath.Join(dir, "task/*/children"))
		require.NoError(t, err)
		for _, task := range tasks {
			children, _ := os.ReadFile(task)
			for c := range strings.FieldsSeq(string(children)) {
				pid, err := strconv.Atoi(c)
				require.NoError(t, err)
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// ends waits for the end of processes.
func ends(t testing.TB, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if errors.Is(err, unix.ESRCH) {
			continue
		}
		require.NoError(t, err)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000)
		require.NoError(t, err)
		_ = unix.Close(fd)
		if n == 0 {
			t.Errorf("process %d lives on", pid)
		}
	}
}

// nothingLeft checks that the session has no process, interface, rule and lease.
func (s *session) nothingLeft(t testing.TB) {
	t.Helper()
	ends(t, s.uplinkProcesses(t)...)
	require.NoError(t, hosttest.In(t, s.ns, func() error {
		nothingLeft(t, s.m)
		return nil
	}))
	_, err := os.Stat(filepath.Join(s.m.opts.RunDir, "uplink.sock"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, s.ns.Close())
}

// TestApartEgress: a policy holds in a namespace apart, and no name opens the host.
func TestApartEgress(t *testing.T) {
	if !hosttest.EnterUser(t, func() {
		serveEgressAddresses(t)
		resolves(t, "other.example. 60 A "+otherWorld4, "host.example. 60 A 203.0.113.1", "self.example. 60 A 169.254.77.2", "loop.example. 60 A 127.0.0.1")
	}) {
		return
	}
	useResolver(t)
	s := newSession(t, "pasta")
	checkEgressAddresses(t, s.m)
	_, ns := start(t, s.m, Request{ContainerID: "named", Networks: on("net"), Egress: allow("*.example:80", "*.example:8080")})
	refused(t, ns, "tcp", otherWorld4+":80")
	require.Equal(t, otherWorld4, question(t, ns, "udp", "other.example", dns.TypeA))
	reaches(t, ns, "tcp", otherWorld4+":80")
	refused(t, ns, "tcp", otherWorld4+":443")
	for name, address := range map[string]string{"host.example": "203.0.113.1", "self.example": "169.254.77.2", "loop.example": "127.0.0.1"} {
		require.Equal(t, "NOERROR", question(t, ns, "udp", name, dns.TypeA), name)
		refused(t, ns, "tcp", address+":8080")
	}
}
