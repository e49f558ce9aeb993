//go:build linux || darwin

package vsock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Host is the context id of the host.
const Host = unix.VMADDR_CID_HOST

// An Addr is a context id and a port.
type Addr struct{ CID, Port uint32 }

// Network implements net.Addr.
func (Addr) Network() string { return "vsock" }

// String implements net.Addr.
func (a Addr) String() string { return fmt.Sprintf("vsock:%d:%d", a.CID, a.Port) }

// A Listener accepts connections on one port of any context id. It works before a
// device exists and after one was unplugged and plugged again.
type Listener struct {
	file *os.File
	addr Addr
}

// Listen opens port.
func Listen(port uint32) (*Listener, error) {
	file, err := socket()
	if err != nil {
		return nil, fmt.Errorf("listen on vsock port %d: %w", port, err)
	}
	err = control(file, func(fd int) error {
		if err := unix.Bind(fd, &unix.SockaddrVM{CID: unix.VMADDR_CID_ANY, Port: port}); err != nil {
			return err
		}
		return unix.Listen(fd, unix.SOMAXCONN)
	})
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("listen on vsock port %d: %w", port, err)
	}
	return &Listener{file: file, addr: Addr{unix.VMADDR_CID_ANY, port}}, nil
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptConn()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AcceptConn is Accept with the connection's own type.
func (l *Listener) AcceptConn() (*Conn, error) {
	raw, err := l.file.SyscallConn()
	if err != nil {
		return nil, err
	}
	var (
		fd   int
		peer unix.Sockaddr
		fail error
	)
	err = raw.Read(func(listener uintptr) bool {
		fd, peer, fail = accept(int(listener))
		return fail != unix.EAGAIN && fail != unix.EINTR && fail != unix.ECONNABORTED
	})
	if err == nil {
		err = fail
	}
	if err != nil {
		return nil, fmt.Errorf("accept on vsock port %d: %w", l.addr.Port, err)
	}
	c := &Conn{File: os.NewFile(uintptr(fd), "vsock"), local: l.addr}
	if vm, ok := peer.(*unix.SockaddrVM); ok {
		c.remote = Addr{vm.CID, vm.Port}
	}
	return c, nil
}

// Close implements net.Listener.
func (l *Listener) Close() error { return l.file.Close() }

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return l.addr }

// Dial connects with a port. It returns early with ctx's error when ctx ends.
func Dial(ctx context.Context, cid, port uint32) (*Conn, error) {
	file, err := socket()
	if err != nil {
		return nil, fmt.Errorf("dial vsock port %d: %w", port, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = file.SetDeadline(time.Unix(1, 0)) })
	err = connect(file, &unix.SockaddrVM{CID: cid, Port: port})
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("dial vsock port %d: %w", port, err)
	}
	return &Conn{File: file, remote: Addr{cid, port}}, nil
}

func connect(file *os.File, to unix.Sockaddr) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	asked := false
	var fail error
	err = raw.Write(func(fd uintptr) bool {
		if !asked {
			asked = true
			fail = unix.Connect(int(fd), to)
			return fail != unix.EINPROGRESS && fail != unix.EAGAIN
		}
		var number int
		if number, fail = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR); fail == nil && number != 0 {
			fail = unix.Errno(number)
		}
		return true
	})
	return errors.Join(err, fail)
}

// A Conn is an open connection.
type Conn struct {
	*os.File
	local, remote Addr
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// FromHost tells whether the peer is the host and no other guest.
func (c *Conn) FromHost() bool { return c.remote.CID == Host }

// CloseWrite tells the peer that nothing more will be sent.
func (c *Conn) CloseWrite() error {
	return control(c.File, func(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) })
}

// HungUp tells whether the peer has closed the connection, also if data waits to be
// read before its end.
func (c *Conn) HungUp() bool {
	gone := false
	err := control(c.File, func(fd int) error {
		gone = hungUp(fd)
		return nil
	})
	return gone || err != nil
}

func control(file *os.File, do func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var fail error
	if err := raw.Control(func(fd uintptr) { fail = do(int(fd)) }); err != nil {
		return err
	}
	return fail
}
