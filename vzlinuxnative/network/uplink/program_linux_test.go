package uplink

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"vz.internal/vzlinuxnative/network/internal/hosttest"
)

// TestAwaitRemoval: the interface of a program that has not ended yet is waited for.
func TestAwaitRemoval(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	ns := hosttest.Namespace(t)
	path := fmt.Sprintf("/proc/self/fd/%d", ns.Fd())
	require.NoError(t, awaitRemoval(t.Context(), path))
	link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: Interface}}
	require.NoError(t, hosttest.In(t, ns, func() error { return netlink.LinkAdd(link) }))

	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, awaitRemoval(short, path), context.DeadlineExceeded)

	ended := make(chan error, 1)
	go func() { ended <- awaitRemoval(t.Context(), path) }()
	require.NoError(t, hosttest.In(t, ns, func() error { return netlink.LinkDel(link) }))
	require.NoError(t, <-ended)
}
