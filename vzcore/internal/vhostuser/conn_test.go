package vhostuser

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/nettest"
)

// TestConn runs the standard library's checks of a net.Conn.
func TestConn(t *testing.T) {
	nettest.TestConn(t, func() (net.Conn, net.Conn, func(), error) {
		host, guest := muxes(t, 4096)
		h, g := connected(t, host, guest)
		return h, g, func() {
			_ = h.Close()
			_ = g.Close()
		}, nil
	})
}

func TestBytesArriveIntact(t *testing.T) {
	for _, size := range []int{headerSize + 1, 4096, headerSize + maxPayload} {
		host, guest := muxes(t, size)
		h, g := connected(t, host, guest)
		sent := make([]byte, min(2<<20, size<<8))
		_, _ = rand.Read(sent)
		go func() {
			_, _ = h.Write(sent)
			_ = h.CloseWrite()
		}()
		// The guest answers after the end of what it got: half-close works.
		go func() {
			got, _ := io.ReadAll(g)
			_, _ = g.Write(got)
			_ = g.Close()
		}()
		got, err := io.ReadAll(h)
		require.NoError(t, err)
		require.True(t, bytes.Equal(sent, got))
		_, err = h.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EPIPE)
	}
}

func TestManyStreamsAtOnce(t *testing.T) {
	host, guest := muxes(t, 4096)
	l, err := guest.listen(7)
	require.NoError(t, err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	var wait sync.WaitGroup
	for i := range 50 {
		wait.Go(func() {
			c, err := host.dial(t.Context(), 7)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			sent := bytes.Repeat([]byte{byte(i)}, 300<<10)
			go func() {
				_, _ = c.Write(sent)
				_ = c.CloseWrite()
			}()
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("stream %d: %d bytes, %v", i, len(got), err)
			}
		})
	}
	wait.Wait()
	require.NoError(t, l.Close())
}

// TestWriterWaitsForReader shows that no more than the buffer is taken from a
// writer whose peer does not read, and that a deadline ends the wait.
func TestWriterWaitsForReader(t *testing.T) {
	host, guest := muxes(t, 4096)
	h, g := connected(t, host, guest)
	require.NoError(t, h.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	n, err := h.Write(make([]byte, 4*bufferSize))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.Equal(t, bufferSize, n)
	require.NoError(t, h.SetWriteDeadline(time.Time{}))
	go func() {
		_, _ = h.Write(make([]byte, bufferSize))
		_ = h.Close()
	}()
	got, err := io.Copy(io.Discard, g)
	require.NoError(t, err)
	require.EqualValues(t, 2*bufferSize, got)
}

func TestDialFails(t *testing.T) {
	host, _ := muxes(t, 4096)
	_, err := host.dial(t.Context(), 9)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.Empty(t, host.conns)

	// No guest is there, or one that does not answer.
	for _, attached := range []bool{false, true} {
		m := newMux(hostCID, 3)
		if attached {
			m.attach()
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err = m.dial(ctx, 9)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, m.conns)
	}
}

func TestDetachEndsConnections(t *testing.T) {
	host, guest := muxes(t, 4096)
	h, _ := connected(t, host, guest)
	host.detach()
	_, err := h.Read(make([]byte, 1))
	require.ErrorIs(t, err, errDetached)
	_, err = h.Write([]byte("x"))
	require.ErrorIs(t, err, errDetached)
	require.NoError(t, h.Close())
	host.close()
	_, err = host.dial(t.Context(), 7)
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = host.listen(7)
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestListenTwice(t *testing.T) {
	m := newMux(hostCID, 3)
	l, err := m.listen(7)
	require.NoError(t, err)
	_, err = m.listen(7)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	_, err = l.Accept()
	require.True(t, errors.Is(err, net.ErrClosed))
	_, err = m.listen(7)
	require.NoError(t, err)
}
