package portproxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"vz.internal/vzcontract"
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

func bind(t *testing.T, protocol string) *Port {
	t.Helper()
	p, err := Bind(protocol, loopback)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestConflict(t *testing.T) {
	for _, protocol := range []string{"tcp", "udp"} {
		p := bind(t, protocol)
		for _, host := range []string{"127.0.0.1", "0.0.0.0"} {
			_, err := Bind(protocol, netip.AddrPortFrom(netip.MustParseAddr(host), p.Addr().Port()))
			if !errors.Is(err, vzcontract.ErrConflict) {
				t.Errorf("second bind of %s/%s on %s: %v", p.Addr(), protocol, host, err)
			}
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		again, err := Bind(protocol, p.Addr())
		if err != nil {
			t.Fatalf("bind after close: %v", err)
		}
		_ = again.Close()
	}
	if _, err := Bind("tcp", netip.MustParseAddrPort("192.0.2.77:80")); !errors.Is(err, vzcontract.ErrValidation) {
		t.Errorf("bind of a foreign address: %v", err)
	}
	if _, err := Bind("sctp", loopback); !errors.Is(err, vzcontract.ErrUnsupported) {
		t.Errorf("bind of sctp: %v", err)
	}
}

// TestTCP sends until end of file and only then gets its answer.
func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				data, _ := io.ReadAll(c)
				_, _ = c.Write(data)
			}()
		}
	}()
	p := bind(t, "tcp")
	p.Serve(l.Addr().(*net.TCPAddr).AddrPort())
	want := bytes.Repeat([]byte("half closed "), 1<<17)
	c, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(want); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(want))
	}
}

// TestTCPMany: more connections than there are places for wait until one ends.
func TestTCPMany(t *testing.T) {
	defer func(old func() chan struct{}) { places = old }(places)
	two := make(chan struct{}, 2)
	places = func() chan struct{} { return two }
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := bind(t, "tcp")
	p.Serve(l.Addr().(*net.TCPAddr).AddrPort())
	var clients, served []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", p.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		clients = append(clients, c)
	}
	accept := func(patience time.Duration) bool {
		if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		c, err := l.Accept()
		if err == nil {
			t.Cleanup(func() { _ = c.Close() })
			served = append(served, c)
		}
		return err == nil
	}
	first, second := accept(10*time.Second), accept(10*time.Second)
	if !first || !second || accept(100*time.Millisecond) {
		t.Fatalf("%d connections are served at once, want 2", len(served))
	}
	for _, c := range []net.Conn{clients[0], clients[1], served[0], served[1]} {
		_ = c.Close()
	}
	if !accept(10 * time.Second) {
		t.Error("the third connection is not served after others have ended")
	}
}

func TestTCPRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := l.Addr().(*net.TCPAddr).AddrPort()
	_ = l.Close()
	p := bind(t, "tcp")
	p.Serve(target)
	c, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		return // reset already
	}
	defer c.Close()
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes from a port nobody serves", n)
	}
}

// TestCloseEndsConnections closes the port under an idle connection.
func TestCloseEndsConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := bind(t, "tcp")
	p.Serve(l.Addr().(*net.TCPAddr).AddrPort())
	c, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection outlives its port")
	}
}

func TestUDP(t *testing.T) {
	server, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(loopback))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		buf := make([]byte, 65535)
		for {
			n, from, err := server.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = server.WriteToUDPAddrPort(append([]byte("re:"), buf[:n]...), from)
		}
	}()
	p := bind(t, "udp")
	p.Serve(server.LocalAddr().(*net.UDPAddr).AddrPort())
	for _, want := range []string{"a", "b"} {
		c, err := net.Dial("udp", p.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := c.Write([]byte(want)); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 100)
			n, err := c.Read(buf)
			if err != nil || string(buf[:n]) != "re:"+want {
				t.Errorf("answer = %q, %v", buf[:n], err)
			}
		}
		_ = c.Close()
	}
}
