package sim

import (
	"context"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
)

// A port is what a program listens on.
type port struct {
	conns chan net.Conn // one at most: the program takes no more
}

// Dial connects to a program that listens on a port; false if there is none.
func (k *Kernel) Dial(number uint16) (conn net.Conn, ok bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.ports[number]
	if l == nil {
		return nil, false, nil
	}
	ours, theirs, err := connPair()
	if err != nil {
		return nil, true, err
	}
	delete(k.ports, number)
	l.conns <- theirs
	return ours, true, nil
}

// connPair returns two connected ends.
func connPair() (a, b net.Conn, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	ends := make([]net.Conn, 2)
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socket")
		var failed error
		if ends[i], failed = net.FileConn(f); failed != nil {
			err = failed
		}
		_ = f.Close() // the connection has a descriptor of its own
	}
	if err != nil {
		for _, c := range ends {
			if c != nil {
				_ = c.Close() // the first error says more
			}
		}
	}
	return ends[0], ends[1], err
}

// listen takes a port; nil if another program has it.
func (k *Kernel) listen(number uint16) *port {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ports[number] != nil {
		return nil
	}
	l := &port{conns: make(chan net.Conn, 1)}
	k.ports[number] = l
	return l
}

// unlisten gives a port up, if l still has it.
func (k *Kernel) unlisten(number uint16, l *port) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ports[number] == l {
		delete(k.ports, number)
	}
	select {
	case c := <-l.conns:
		_ = c.Close() // who was connected and never accepted hears of it
	default:
	}
}

// runNc is nc -l -p PORT: it serves who connects first.
func runNc(p *Process) int {
	if len(p.Args) != 4 || p.Args[1] != "-l" || p.Args[2] != "-p" {
		p.errorf("nc: want -l -p PORT")
		return 1
	}
	number, err := strconv.ParseUint(p.Args[3], 10, 16)
	if err != nil || number == 0 {
		p.errorf("nc: bad port '%s'", p.Args[3])
		return 1
	}
	l := p.k.listen(uint16(number))
	if l == nil {
		p.errorf("nc: bind: Address already in use")
		return 1
	}
	defer p.k.unlisten(uint16(number), l)
	var conn net.Conn
	p.blocked(func() {
		select {
		case conn = <-l.conns:
		case <-p.ctx.Done():
		}
	})
	if conn == nil {
		return 1
	}
	p.blocked(func() { p.converse(conn) })
	return 0
}

// converse copies stdin to conn and conn to stdout until both have ended, and closes it.
func (p *Process) converse(conn net.Conn) {
	stop := context.AfterFunc(p.ctx, func() { _ = conn.Close() })
	var sending sync.WaitGroup
	sending.Go(func() {
		_, err := io.Copy(conn, stopped{p.ctx, p.stdin()})
		if err == nil {
			_ = conn.(*net.UnixConn).CloseWrite() // the other side may have gone
		}
	})
	_, _ = io.Copy(stopped{p.ctx, p.stdout()}, conn) // until its end, however that comes
	sending.Wait()
	stop()
	_ = conn.Close()
}

// stopped is a file as an io.Reader and io.Writer, until ctx ends.
type stopped struct {
	ctx  context.Context //nolint:containedctx // of one conversation
	file File
}

func (s stopped) Read(b []byte) (int, error)  { return s.file.Read(s.ctx.Done(), b) }
func (s stopped) Write(b []byte) (int, error) { return s.file.Write(s.ctx.Done(), b) }
