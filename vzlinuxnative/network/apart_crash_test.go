//go:build linux

package network

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
)

// told waits for what is told of the uplink.
func (s *session) told(t testing.TB, want string) {
	t.Helper()
	select {
	case got := <-s.notes:
		require.Contains(t, got, want)
	case <-time.After(30 * time.Second):
		t.Errorf("it is not told that %s", want)
	}
}

// TestApartUplinkKilled: a program that dies is started again, once in a while, and a
// keeper that is killed takes its program along and has a successor.
func TestApartUplinkKilled(t *testing.T) {
	if !hosttest.EnterUser(t, host(t)) {
		return
	}
	for _, program := range []string{"pasta", "slirp4netns"} {
		t.Run(program, func(t *testing.T) {
			s := newSession(t, program)
			_, c1 := start(t, s.m, Request{ContainerID: "c1", Networks: on(DefaultNetwork)})
			kill := func(which int) []int {
				all := s.uplinkProcesses(t)
				require.Len(t, all, 2)
				require.NoError(t, unix.Kill(all[which], unix.SIGKILL))
				ends(t, all[which:]...)
				return all
			}
			answers(t, c1, "tcp", "203.0.113.2:99", "world 203.0.113.1")
			kill(1)
			s.told(t, program+" was started again")
			answers(t, c1, "tcp", "203.0.113.2:99", "world 203.0.113.1")
			kill(1)
			s.told(t, "the next container starts it again")
			silent(t, c1, "tcp", "203.0.113.2:99")
			m2 := apartManager(s.dir, s.ns)
			start(t, m2, Request{ContainerID: "c2", Networks: on(DefaultNetwork)})
			answers(t, c1, "tcp", "203.0.113.2:99", "world 203.0.113.1")
			kill(0)
			s.told(t, "there is another one")
			answers(t, c1, "tcp", "203.0.113.2:99", "world 203.0.113.1")
		})
	}
}

// TestApartKilled: of monitors that are killed nothing runs on, and the next session
// needs no repair.
func TestApartKilled(t *testing.T) {
	if !hosttest.EnterUser(t, host(t)) {
		return
	}
	s := newSession(t, "pasta")
	ctx := context.Background()
	var killed []*exec.Cmd
	for _, id := range []string{"c1", "c2"} {
		cmd := exec.Command("/proc/self/exe")
		cmd.ExtraFiles, cmd.Env = []*os.File{s.ns}, []string{"VZ_TEST_APART=1"}
		cmd, _, _ = monitorOf(t, cmd, "connect", s.dir, id)
		killed = append(killed, cmd)
	}
	pids := s.uplinkProcesses(t)
	require.Len(t, pids, 2, "keeper and program of both")
	for _, cmd := range killed {
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
	}
	ends(t, pids...)
	gone := func(string) bool { return false }
	faults, err := s.m.Verify(ctx, gone)
	require.NoError(t, err)
	require.Contains(t, faults, "addresses of container c1, which is gone")

	s.renew(t)                                 // with the processes, the namespace went
	require.NoError(t, s.m.Release(ctx, "c1")) // as before every start after a crash
	_, ns := start(t, s.m, Request{ContainerID: "c1", Networks: on(DefaultNetwork)})
	answers(t, ns, "tcp", "203.0.113.2:99", "world 203.0.113.1")
	_, err = s.m.Repair(ctx, func(id string) bool { return id == "c1" })
	require.NoError(t, err)
	info, err := s.m.Inspect(ctx, DefaultNetwork)
	require.NoError(t, err)
	require.Len(t, info.Containers, 1)
}

func TestApartRefused(t *testing.T) {
	if !hosttest.EnterUser(t, func() {}) {
		return
	}
	s := newSession(t, "")
	ctx := context.Background()
	_, err := s.m.Reserve(ctx, Request{ContainerID: "c1", Networks: on(DefaultNetwork)})
	require.ErrorIs(t, err, vzcontract.ErrUnavailable)
	require.ErrorContains(t, err, "pasta (package passt) or slirp4netns")
	_, err = s.m.Create(ctx, vzcontract.NetworkConfig{Name: "closed", Internal: true})
	require.NoError(t, err)
	_, c1 := start(t, s.m, Request{ContainerID: "c1", Networks: on("closed")})
	two, c2 := start(t, s.m, Request{ContainerID: "c2", Networks: on("closed")})
	hosttest.Serve(t, c2, "tcp", ":80", "web")
	answers(t, c1, "tcp", two.Endpoints()[0].IPv4+":80", "web 10.88.1.2")
	require.ErrorIs(t, two.Attach(ctx, vzcontract.NetworkAttach{Network: DefaultNetwork}), vzcontract.ErrUnavailable)
	require.Len(t, two.Endpoints(), 1)

	s = newSession(t, "pasta")
	_, err = s.m.Reserve(ctx, Request{ContainerID: "c1", Networks: on(DefaultNetwork)})
	require.ErrorContains(t, err, "the host has no default route")
	_, err = s.m.Reserve(ctx, Request{ContainerID: "c1", Networks: on("closed"), Ports: []vzcontract.PortMapping{{ContainerPort: 80, HostPort: 80, Protocol: "tcp"}}})
	require.ErrorContains(t, err, "no such network")
	_, err = s.m.Create(ctx, vzcontract.NetworkConfig{Name: "closed", Internal: true})
	require.NoError(t, err)
	_, err = s.m.Reserve(ctx, Request{ContainerID: "c1", Networks: on("closed"), Ports: []vzcontract.PortMapping{{ContainerPort: 80, HostPort: 80, Protocol: "tcp"}}})
	require.ErrorIs(t, err, vzcontract.ErrDenied)
	require.ErrorContains(t, err, "ports below 1024 are for root: choose another one, or as root: sysctl -w net.ipv4.ip_unprivileged_port_start=80")
}
