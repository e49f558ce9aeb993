package vzf

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func TestDialAfterItsEnd(t *testing.T) {
	vm, f := open(t, linux(t))
	_, err := vm.Dial(t.Context(), 1)
	require.ErrorIs(t, err, vzcontract.ErrConflict, "it does not run")
	require.NoError(t, vm.Start(t.Context()))
	c, err := vm.Dial(t.Context(), 1)
	require.NoError(t, err)
	require.NoError(t, c.Close())

	g := f.last()
	for range 2 { // start, connect
		<-g.entered
	}
	release := g.block("connect")
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := vm.Dial(ctx, 1)
		result <- err
	}()
	require.Equal(t, "connect", <-g.entered)
	cancel()
	require.ErrorIs(t, <-result, context.Canceled)

	// One that waits for a guest that ends is told so.
	go func() {
		_, err := vm.Dial(t.Context(), 1)
		result <- err
	}()
	require.Equal(t, "connect", <-g.entered)
	require.NoError(t, vm.Stop(t.Context()))
	require.ErrorIs(t, <-result, vzcontract.ErrConflict)
	release()
}

func TestListen(t *testing.T) {
	vm, f := open(t, linux(t))
	l, err := vm.Listen(7) // before there is a guest
	require.NoError(t, err)
	_, err = vm.Listen(7)
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	require.NoError(t, vm.Start(t.Context()))
	inner := f.last().inner[0]

	first := newFakeConn()
	inner.conns <- first
	got, err := l.Accept()
	require.NoError(t, err)
	require.Same(t, first, got)

	// A guest that nobody serves cannot make the host keep all its connections.
	last := newFakeConn()
	for range backlog {
		inner.conns <- newFakeConn()
	}
	inner.conns <- last
	<-last.closed

	require.NoError(t, l.Close())
	require.True(t, inner.closed)
	late := newFakeConn()
	inner.conns <- late
	<-late.closed
	for range backlog + 1 { // those that waited were closed, or came first
		if _, err = l.Accept(); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = vm.Listen(7)
	require.NoError(t, err)
}
