//go:build linux

package network

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
	"vz.internal/vzlinuxnative/network/uplink"
)

// child runs as a container's monitor in a process of its own: it goes as far
// as step (reserve, connect, or egress: connect with a policy), says so and waits to
// be killed, or for its input to end.
func child(step, dir, id string) error {
	ctx := context.Background()
	m := Open(Options{Dir: filepath.Join(dir, "networks"), RunDir: filepath.Join(dir, "run")})
	if os.Getenv("VZ_TEST_APART") != "" {
		m = apartManager(dir, os.NewFile(3, "session"))
	}
	r := Request{ContainerID: id, Name: id, Networks: on(DefaultNetwork), PublishAll: true, Exposed: []string{"80/tcp", "80/udp"}}
	if step == "egress" {
		r.Egress = allow("203.0.113.2:80")
	}
	begin := time.Now()
	s, err := m.Reserve(ctx, r)
	if err != nil {
		return err
	}
	reserved := time.Since(begin)
	begin = time.Now()
	if step != "reserve" {
		ns, err := hosttest.Unshare()
		if err != nil {
			return err
		}
		defer ns.Close()
		begin = time.Now()
		if err := s.Connect(ctx, ns); err != nil {
			return err
		}
	}
	fmt.Println("at", s.Endpoints()[0].IPv4, reserved, time.Since(begin))
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
	return s.Close(ctx)
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "uplink" {
		os.Exit(uplink.Main(os.Args[2:]))
	}
	if step := os.Getenv("VZ_TEST_CHILD"); step != "" {
		if err := child(step, os.Getenv("VZ_TEST_DIR"), os.Getenv("VZ_TEST_ID")); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// monitor starts a child and returns it with what it said.
func monitor(t testing.TB, step, dir, id string) (cmd *exec.Cmd, says string, end func()) {
	cmd = exec.Command(os.Args[0])
	return monitorOf(t, cmd, step, dir, id)
}

func monitorOf(t testing.TB, cmd *exec.Cmd, step, dir, id string) (_ *exec.Cmd, says string, end func()) {
	cmd.Env = append(os.Environ(), append(cmd.Env, "VZ_TEST_CHILD="+step, "VZ_TEST_DIR="+dir, "VZ_TEST_ID="+id)...)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)

	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Errorf("child %s says nothing: %v", id, err)
	}
	return cmd, line, func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("child %s: %v", id, err)
		}
	}
}

func TestKilled(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	ctx := context.Background()
	for _, step := range []string{"reserve", "connect"} {
		for _, how := range []string{"release", "repair", "next"} {
			dir := t.TempDir()
			m := Open(Options{Dir: filepath.Join(dir, "networks"), RunDir: filepath.Join(dir, "run")})
			cmd, _, _ := monitor(t, step, dir, "c")
			faults, err := m.Verify(ctx, func(string) bool { return false })
			require.NoError(t, err)
			require.Empty(t, faults, "what a living monitor has is no fault")
			require.ErrorIs(t, reserveOnly(m, "c"), vzcontract.ErrConflict)
			require.NoError(t, cmd.Process.Kill())
			_ = cmd.Wait()
			switch how {
			case "release":
				require.NoError(t, m.Release(ctx, "c"))
				require.NoError(t, m.Release(ctx, "c"))
			case "repair":
				faults, err := m.Verify(ctx, func(string) bool { return false })
				require.NoError(t, err)
				require.NotEmpty(t, faults)
				_, err = m.Repair(ctx, func(string) bool { return false })
				require.NoError(t, err)
				faults, err = m.Verify(ctx, func(string) bool { return false })
				require.NoError(t, err)
				require.Empty(t, faults)
			case "next":
				require.NoError(t, m.Release(ctx, "c"))
				require.NoError(t, reserveOnly(m, "c"))
			}
			nothingLeft(t, m)
		}
	}
}

func reserveOnly(m *Manager, id string) error {
	s, err := m.Reserve(context.Background(), Request{ContainerID: id, Networks: on(DefaultNetwork)})
	if err != nil {
		return err
	}
	return s.Close(context.Background())
}

// TestMany starts fifty containers at once, each from a process of its own.
func TestMany(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	const count = 50
	dir := t.TempDir()
	m := Open(Options{Dir: filepath.Join(dir, "networks"), RunDir: filepath.Join(dir, "run")})
	var all sync.WaitGroup
	said := make([]string, count)
	ends := make([]func(), count)
	for i := range count {
		all.Go(func() { _, said[i], ends[i] = monitor(t, "connect", dir, fmt.Sprintf("c%d", i)) })
	}
	all.Wait()
	seen := map[string]bool{}
	var reserve, connect []time.Duration
	for _, s := range said {
		words := strings.Fields(s)
		if len(words) != 4 || words[0] != "at" || seen[words[1]] {
			t.Errorf("a child says %q", s)
			continue
		}
		seen[words[1]] = true
		for i, list := range []*[]time.Duration{&reserve, &connect} {
			d, err := time.ParseDuration(words[2+i])
			require.NoError(t, err)
			*list = append(*list, d)
		}
	}
	t.Logf("reserve %v, connect %v", median(reserve), median(connect))
	info, err := m.Inspect(context.Background(), DefaultNetwork)
	require.NoError(t, err)
	require.Len(t, info.Containers, count)
	for i := range count {
		all.Go(ends[i])
	}
	all.Wait()
	nothingLeft(t, m)
}

// TestLeftOver: a lease whose process and interface are gone is in nobody's
// way, though nobody has released it.
func TestLeftOver(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	ctx := context.Background()
	m := manager(t)
	_, err := m.Create(ctx, vzcontract.NetworkConfig{Name: "net", Subnets: []string{"10.213.7.0/30"}})
	require.NoError(t, err)
	leave := func(connect bool) {
		t.Helper()
		s, err := m.Reserve(ctx, Request{ContainerID: "old", Networks: on("net"), PublishAll: true, Exposed: []string{"80"}})
		require.NoError(t, err)
		if connect {
			ns, err := hosttest.Unshare()
			require.NoError(t, err)
			require.NoError(t, s.Connect(ctx, ns))
			link, err := netlink.LinkByName(s.places[0].lease.Link)
			require.NoError(t, err)
			require.NoError(t, netlink.LinkDel(link)) // as the namespace's end does
			require.NoError(t, ns.Close())
		}
		require.NoError(t, s.claim.Close()) // as the process's end does
		require.NoError(t, closePorts(s.ports))
	}
	for _, connect := range []bool{false, true} {
		leave(connect)
		s, err := m.Reserve(ctx, Request{ContainerID: "new", Networks: on("net")})
		require.NoError(t, err, "the only address is taken by a container that is gone")
		require.NoError(t, s.Close(ctx))
		leave(connect)
		s, err = m.Reserve(ctx, Request{ContainerID: "new", Networks: []vzcontract.NetworkAttach{{Network: "net", IPv4: "10.213.7.2"}}})
		require.NoError(t, err)
		require.NoError(t, s.Close(ctx))
	}
	leave(true)
	require.NoError(t, m.Remove(ctx, "net"))
	require.NoError(t, m.Release(ctx, "old"))
	nothingLeft(t, m)
}

// TestRunDirGone: what stands without any record is found and removed.
func TestRunDirGone(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	ctx := context.Background()
	m := manager(t)
	s, err := m.Reserve(ctx, Request{ContainerID: "c", Networks: on(DefaultNetwork), PublishAll: true, Exposed: []string{"80", "53/udp"}})
	require.NoError(t, err)
	require.NoError(t, s.Connect(ctx, hosttest.Namespace(t)))
	require.NoError(t, os.RemoveAll(m.opts.RunDir))
	faults, err := m.Repair(ctx, func(string) bool { return false })
	require.NoError(t, err)
	require.Len(t, faults, 4, "%v", faults) // two ports, bridge and veth; IPv6 is left to the proxy
	nothingLeft(t, m)
}

// TestFilesGone: a container that ends after its installation's files were
// deleted takes its interfaces and rules along.
func TestFilesGone(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	ctx := context.Background()
	m := manager(t)
	s, err := m.Reserve(ctx, Request{ContainerID: "c", Networks: on(DefaultNetwork), PublishAll: true, Exposed: []string{"80"}})
	require.NoError(t, err)
	require.NoError(t, s.Connect(ctx, hosttest.Namespace(t)))
	require.NoError(t, os.RemoveAll(m.opts.RunDir))
	require.NoError(t, os.RemoveAll(m.opts.Dir))
	require.NoError(t, s.Close(ctx))
	nothingLeft(t, m)
}

// TestBareBridge: who made the bridge was killed before it could mark it.
func TestBareBridge(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	m := manager(t)
	name := bridgeOf(t, m, DefaultNetwork)
	bare := func() { require.NoError(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}})) }
	bare()
	faults, err := m.Repair(context.Background(), func(string) bool { return false })
	require.NoError(t, err)
	require.Len(t, faults, 1)
	require.Contains(t, faults[0], name)
	bare()
	s, ns := start(t, m, Request{ContainerID: "a", Networks: on(DefaultNetwork)})
	require.Equal(t, name, bridgeOf(t, m, DefaultNetwork))
	hosttest.Serve(t, ns, "tcp", ":80", "a")
	answers(t, nil, "tcp", s.Endpoints()[0].IPv4+":80", "a "+s.Endpoints()[0].Gateway4)
	require.NoError(t, s.Close(context.Background()))
	nothingLeft(t, m)
}
