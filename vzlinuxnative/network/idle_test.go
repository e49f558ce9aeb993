//go:build linux

package network

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
)

// bridgeStands tells whether the bridge of a network is there.
func bridgeStands(t testing.TB, m *Manager, name string) bool {
	t.Helper()
	_, err := netlink.LinkByName(bridgeOf(t, m, name))
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return false
	}
	require.NoError(t, err)
	return true
}

// TestLeave: what a container had is free as soon as it has left, although its
// namespace lives on with another process and nobody has swept.
func TestLeave(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	ctx := context.Background()
	m := manager(t)
	request := func(id string) Request {
		return Request{
			ContainerID: id, Name: "c", Networks: []vzcontract.NetworkAttach{{Network: DefaultNetwork, IPv4: "10.88.0.9"}},
			Ports: []vzcontract.PortMapping{{ContainerPort: 80, HostPort: 8080, Protocol: "tcp"}},
		}
	}
	one, old := start(t, m, request("one"))
	hosttest.Serve(t, old, "tcp", ":80", "one")
	answers(t, nil, "tcp", "10.88.0.9:80", "one 10.88.0.1")
	require.NoError(t, one.Leave(ctx))
	require.NoError(t, one.Leave(ctx))
	require.True(t, bridgeStands(t, m, DefaultNetwork))

	other := Open(m.opts) // as in another process
	faults, err := other.Verify(ctx, func(string) bool { return false })
	require.NoError(t, err)
	require.Empty(t, faults, "what is about to be swept is no fault")
	require.NoError(t, other.Release(ctx, "one"))
	require.True(t, bridgeStands(t, m, DefaultNetwork))

	two, ns := start(t, other, request("two"))
	hosttest.Serve(t, ns, "tcp", ":80", "two")
	answers(t, nil, "tcp", "10.88.0.9:80", "two 10.88.0.1")
	answers(t, nil, "tcp", "127.0.0.1:8080", "two 10.88.0.1")
	require.NoError(t, m.Linger(ctx, 0))
	require.True(t, bridgeStands(t, m, DefaultNetwork), "somebody is on it")
	answers(t, nil, "tcp", "10.88.0.9:80", "two 10.88.0.1")
	require.NoError(t, two.Leave(ctx))
	require.NoError(t, other.Sweep(ctx))
	nothingLeft(t, m)
}

// TestLinger: the end of the context cuts the pause short, and what comes back
// meanwhile stays.
func TestLinger(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := manager(t)
	require.NoError(t, m.Linger(ctx, time.Hour), "there is nothing to wait for")
	s, _ := start(t, m, Request{ContainerID: "c", Networks: on(DefaultNetwork)})
	require.NoError(t, s.Leave(ctx))
	again, _ := start(t, m, Request{ContainerID: "c", Networks: on(DefaultNetwork)})
	require.Empty(t, m.left.networks, "somebody is on it again")
	require.NoError(t, m.Linger(ctx, time.Millisecond))
	require.True(t, bridgeStands(t, m, DefaultNetwork))
	require.NoError(t, again.Leave(ctx))
	cancel()
	require.NoError(t, m.Linger(ctx, time.Hour))
	nothingLeft(t, m)
}

// TestKilledBeforeSweep: a bridge that nobody is on and nobody will sweep is a
// fault; the next who releases or leaves takes it down.
func TestKilledBeforeSweep(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	ctx := context.Background()
	m := manager(t)
	_, err := m.Create(ctx, vzcontract.NetworkConfig{Name: "net"})
	require.NoError(t, err)
	killed := func() {
		t.Helper()
		dying := Open(m.opts)
		s, err := dying.Reserve(ctx, Request{ContainerID: "c", Networks: on("net")})
		require.NoError(t, err)
		ns, err := hosttest.Unshare()
		require.NoError(t, err)
		require.NoError(t, s.Connect(ctx, ns))
		require.NoError(t, s.Leave(ctx))
		require.NoError(t, ns.Close())
		for _, index := range dying.left.links {
			require.NoError(t, deleteIndex(index)) // as the namespace's end does
		}
		require.NoError(t, dying.left.mark.Close()) // as the process's end does
		require.True(t, bridgeStands(t, m, "net"))
	}
	killed()
	faults, err := m.Verify(ctx, func(string) bool { return false })
	require.NoError(t, err)
	require.Len(t, faults, 1, "%v", faults)
	_, err = m.Repair(ctx, func(string) bool { return false })
	require.NoError(t, err)
	nothingLeft(t, m)
	killed()
	require.NoError(t, m.Release(ctx, "c"))
	nothingLeft(t, m)
	killed()
	s, _ := start(t, m, Request{ContainerID: "d", Networks: on(DefaultNetwork)})
	require.NoError(t, s.Close(ctx))
	nothingLeft(t, m)
	require.NoError(t, os.RemoveAll(m.opts.RunDir))
	require.NoError(t, m.Sweep(ctx))
}

// TestStandingMTU: a bridge that nobody was on has the MTU that it was made with, and so
// has who comes next.
func TestStandingMTU(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	hosttest.Outside(t)
	m := manager(t)
	one, old := start(t, m, Request{ContainerID: "one", Networks: on(DefaultNetwork)})
	require.NoError(t, one.Leave(t.Context()))
	require.NoError(t, hosttest.In(t, old, func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.LinkDel(l) // as with the end of its namespace
	}))
	_, ns := start(t, m, Request{ContainerID: "two", Networks: on(DefaultNetwork)})
	require.NoError(t, hosttest.In(t, ns, func() error {
		l, err := netlink.LinkByName("eth0")
		if err == nil {
			require.Equal(t, 1400, l.Attrs().MTU)
		}
		return err
	}))
}
