//go:build linux

package portdial

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/testreq"
)

// namespace returns a pidfd of a process in a network namespace of its own, in which
// setup was run.
func namespace(t *testing.T, setup string) int {
	t.Helper()
	testreq.Root(t)
	cmd := exec.Command("/bin/busybox", "sh", "-c", setup+"; echo ready; read line")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	if err := cmd.Start(); err != nil {
		t.Skipf("needs a static busybox (package busybox-static): %v", err)
	}
	t.Cleanup(func() {
		require.NoError(t, in.Close())
		_ = cmd.Wait() // of read, which has found no line
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	fd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

const up = "ip link set lo up"

// listen listens in a namespace on one address.
func listen(t *testing.T, pidfd int, address string, backlog int) (port uint16) {
	t.Helper()
	ip := netip.MustParseAddr(address)
	sockets, err := socketsIn(pidfd, func() ([]netip.Addr, error) { return []netip.Addr{ip}, nil })
	require.NoError(t, err)
	require.Len(t, sockets, 1)
	t.Cleanup(func() { closeAll(sockets) })
	fd := int(sockets[0].Fd())
	if ip.Is4() {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: ip.As4()})
	} else {
		err = unix.Bind(fd, &unix.SockaddrInet6{Addr: ip.As16()})
	}
	require.NoError(t, err)
	require.NoError(t, unix.Listen(fd, backlog))
	at, err := unix.Getsockname(fd)
	require.NoError(t, err)
	if four, ok := at.(*unix.SockaddrInet4); ok {
		return uint16(four.Port)
	}
	return uint16(at.(*unix.SockaddrInet6).Port)
}

// TestWhereItListens connects to programs that listen on one address only, and to none
// of the host.
func TestWhereItListens(t *testing.T) {
	fd := namespace(t, up+"; ip addr add 192.0.2.7/24 dev lo")
	for _, address := range []string{"0.0.0.0", "127.0.0.1", "::1", "192.0.2.7"} {
		conn, err := Dial(t.Context(), fd, listen(t, fd, address, 8))
		require.NoError(t, err, address)
		to := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
		if address != "0.0.0.0" {
			require.Equal(t, address, to.String())
		}
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		require.NoError(t, conn.Close())
	}
	host, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer host.Close()
	_, err = Dial(t.Context(), fd, host.Addr().(*net.TCPAddr).AddrPort().Port())
	require.ErrorIs(t, err, vzcontract.ErrRefused)
}

// TestNoLoopback: a namespace in which nothing is up refuses.
func TestNoLoopback(t *testing.T) {
	_, err := Dial(t.Context(), namespace(t, "true"), 80)
	require.ErrorIs(t, err, vzcontract.ErrRefused)
}

// TestHanging: a program that takes no connections is waited for until ctx ends, for
// whatever reason.
func TestHanging(t *testing.T) {
	fd := namespace(t, up)
	port := listen(t, fd, "127.0.0.1", 0)
	why := errors.New("enough")
	patience := map[error]func() (context.Context, context.CancelFunc){
		vzcontract.ErrTimeout: func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 100*time.Millisecond)
		},
		why: func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := time.AfterFunc(100*time.Millisecond, func() { cancel(why) })
			return ctx, func() { stop.Stop() }
		},
	}
	for want, ctx := range patience {
		var err error
		for range 32 { // the kernel takes some for the program
			ctx, cancel := ctx()
			var conn net.Conn
			conn, err = Dial(ctx, fd, port)
			cancel()
			if err != nil {
				break
			}
			defer conn.Close()
		}
		require.ErrorIs(t, err, want)
	}
}

// TestNotWithItself: TCP connects a socket with itself if the port that the kernel has
// picked for it is the one asked for.
func TestNotWithItself(t *testing.T) {
	fd := namespace(t, up+"; echo 40000 40001 > /proc/sys/net/ipv4/ip_local_port_range")
	for range 8 {
		for port := uint16(40000); port <= 40001; port++ {
			_, err := Dial(t.Context(), fd, port)
			require.ErrorIs(t, err, vzcontract.ErrRefused)
		}
	}
}
