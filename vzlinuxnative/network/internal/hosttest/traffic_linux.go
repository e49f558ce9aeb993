package hosttest

import (
	"context"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

const patience = 20 * time.Second

// Serve answers on a port of ns, by tcp or udp, with name and the client's
// address: "name 10.0.0.7".
func Serve(t testing.TB, ns *os.File, network, address, name string) {
	t.Helper()
	reply := func(from net.Addr) []byte {
		host, _, _ := net.SplitHostPort(from.String())
		return []byte(name + " " + host)
	}
	err := In(t, ns, func() error {
		var config net.ListenConfig
		if strings.HasPrefix(network, "udp") {
			c, err := config.ListenPacket(context.Background(), network, address)
			if err != nil {
				return err
			}
			t.Cleanup(func() { _ = c.Close() })
			go func() {
				buf := make([]byte, 2048)
				for {
					_, from, err := c.ReadFrom(buf)
					if err != nil {
						return
					}
					_, _ = c.WriteTo(reply(from), from)
				}
			}()
			return nil
		}
		l, err := config.Listen(context.Background(), network, address)
		if err != nil {
			return err
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Write(reply(c.RemoteAddr()))
				_ = c.Close()
			}
		}()
		return nil
	})
	if err != nil {
		t.Fatalf("serve %s in the namespace: %v", address, err)
	}
}

// Ask connects from ns, nil being the host, and returns the answer.
func Ask(t testing.TB, ns *os.File, network, address string) (string, error) {
	t.Helper()
	return AskWithin(t, ns, network, address, patience)
}

// AskWithin is Ask with another patience, for what is expected to fail.
func AskWithin(t testing.TB, ns *os.File, network, address string, patience time.Duration) (answer string, err error) {
	t.Helper()
	ask := func() error {
		c, err := (&net.Dialer{Timeout: patience}).Dial(network, address)
		if err != nil {
			return err
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		if strings.HasPrefix(network, "udp") {
			if _, err := c.Write([]byte("?")); err != nil {
				return err
			}
			buf := make([]byte, 2048)
			n, err := c.Read(buf)
			answer = string(buf[:n])
			return err
		}
		data, err := io.ReadAll(c)
		answer = string(data)
		return err
	}
	if ns == nil {
		return answer, ask()
	}
	return answer, In(t, ns, ask)
}

// Client returns a function that asks again and again from one socket of ns.
func Client(t testing.TB, ns *os.File, network, address string) (ask func() (string, error), err error) {
	t.Helper()
	var c net.Conn
	err = In(t, ns, func() (err error) {
		c, err = net.Dial(network, address)
		return err
	})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = c.Close() })
	return func() (string, error) {
		if _, err := c.Write([]byte("?")); err != nil {
			return "", err
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		buf := make([]byte, 2048)
		n, err := c.Read(buf)
		return string(buf[:n]), err
	}, nil
}
