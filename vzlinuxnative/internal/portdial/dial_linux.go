package portdial

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// maxAddresses is how many addresses of interfaces are tried.
const maxAddresses = 32

// Dial connects to a TCP port in the network namespace of a process, given by a pidfd:
// on 127.0.0.1, else on ::1, else on an address of its interfaces. Where nothing listens
// it is vzcontract.ErrRefused.
func Dial(ctx context.Context, pidfd int, port uint16) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, vzcontract.DialTimeout, errSlow)
	defer cancel()
	loopback := func() ([]netip.Addr, error) {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	for _, addresses := range []func() ([]netip.Addr, error){loopback, interfaceAddresses} {
		sockets, err := socketsIn(pidfd, addresses)
		if err != nil {
			return nil, err
		}
		conn, err := first(ctx, sockets, port)
		if conn != nil || err != nil {
			return conn, err
		}
	}
	return nil, vzcontract.Refused(port)
}

var errSlow = vzcontract.Errorf(vzcontract.ErrTimeout, "the program that listens took no connection for %v", vzcontract.DialTimeout)

// A socket is one for an address, not connected yet.
type socket struct {
	*os.File
	to netip.Addr
}

// socketsIn makes a socket in the namespace for each of the addresses, which are asked
// for there.
func socketsIn(pidfd int, addresses func() ([]netip.Addr, error)) ([]socket, error) {
	type made struct {
		sockets []socket
		err     error
	}
	done := make(chan made, 1)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with the goroutine
		if unix.Gettid() == unix.Getpid() {
			// The main thread cannot end. While it is taken, others are found.
			defer runtime.UnlockOSThread()
			sockets, err := socketsIn(pidfd, addresses)
			done <- made{sockets, err}
			return
		}
		if err := unix.Setns(pidfd, unix.CLONE_NEWNET); err != nil {
			done <- made{err: fmt.Errorf("enter the container's network namespace: %w", err)}
			return
		}
		sockets, err := open(addresses)
		done <- made{sockets, err}
	}()
	m := <-done
	return m.sockets, m.err
}

func open(addresses func() ([]netip.Addr, error)) ([]socket, error) {
	all, err := addresses()
	if err != nil {
		return nil, err
	}
	var sockets []socket
	for _, a := range all {
		family := unix.AF_INET
		if a.Is6() {
			family = unix.AF_INET6
		}
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if errors.Is(err, unix.EAFNOSUPPORT) {
			continue // a kernel without IPv6
		}
		if err != nil {
			closeAll(sockets)
			return nil, os.NewSyscallError("socket", err)
		}
		sockets = append(sockets, socket{os.NewFile(uintptr(fd), "port of a container"), a})
	}
	return sockets, nil
}

// interfaceAddresses are those of the thread's namespace but for the loopback and what
// is valid on one link only.
func interfaceAddresses() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("addresses of the container: %w", err)
	}
	var addresses []netip.Addr
	for _, a := range all {
		ipnet, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		ip, ok := netip.AddrFromSlice(ipnet.IP)
		if ip = ip.Unmap(); ok && ip.IsGlobalUnicast() && len(addresses) < maxAddresses {
			addresses = append(addresses, ip)
		}
	}
	return addresses, nil
}

func closeAll(sockets []socket) {
	for _, s := range sockets {
		_ = s.Close() // nothing was sent
	}
}

// first returns the first connection that comes about; nil if all are refused.
func first(ctx context.Context, sockets []socket, port uint16) (net.Conn, error) {
	defer closeAll(sockets) // a connection has a descriptor of its own
	for _, s := range sockets {
		switch err := s.connect(ctx, port); {
		case err == nil:
			return net.FileConn(s.File)
		case !refused(err):
			return nil, err
		}
	}
	return nil, nil
}

func refused(err error) bool {
	for _, reason := range []error{unix.ECONNREFUSED, unix.ECONNRESET, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EADDRNOTAVAIL, unix.ENETDOWN} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// connect returns when the socket is connected or cannot be, or ctx has ended.
func (s socket) connect(ctx context.Context, port uint16) error {
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	var to unix.Sockaddr = &unix.SockaddrInet6{Port: int(port), Addr: s.to.As16()}
	if s.to.Is4() {
		to = &unix.SockaddrInet4{Port: int(port), Addr: s.to.As4()}
	}
	stop := context.AfterFunc(ctx, func() { _ = s.SetWriteDeadline(time.Unix(1, 0)) }) // ends the wait
	defer stop()
	begun, result := false, error(nil)
	err = raw.Write(func(fd uintptr) (done bool) {
		if !begun {
			begun = true
			result = unix.Connect(int(fd), to)
			return !errors.Is(result, unix.EINPROGRESS)
		}
		number, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if result = err; err == nil && number != 0 {
			result = unix.Errno(number)
		}
		return true
	})
	if err != nil {
		if ctx.Err() != nil {
			return ended(ctx)
		}
		return fmt.Errorf("connect: %w", err)
	}
	if result == nil && s.self(raw) {
		result = unix.ECONNREFUSED
	}
	return result
}

// self reports that a socket is connected with itself, which TCP allows if its own port,
// which the kernel picks, is the one asked for.
func (s socket) self(raw interface{ Control(func(uintptr)) error }) (same bool) {
	err := raw.Control(func(fd uintptr) {
		here, err := unix.Getsockname(int(fd))
		if err != nil {
			return
		}
		there, err := unix.Getpeername(int(fd))
		if err != nil {
			return
		}
		switch a := here.(type) {
		case *unix.SockaddrInet4:
			b, ok := there.(*unix.SockaddrInet4)
			same = ok && a.Port == b.Port && a.Addr == b.Addr
		case *unix.SockaddrInet6:
			b, ok := there.(*unix.SockaddrInet6)
			same = ok && a.Port == b.Port && a.Addr == b.Addr
		}
	})
	return same && err == nil
}

// ended is why ctx has.
func ended(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.DeadlineExceeded) {
		return vzcontract.Errorf(vzcontract.ErrTimeout, "connect: %w", cause)
	}
	return cause
}
