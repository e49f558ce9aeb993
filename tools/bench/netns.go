package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	threads "runtime"
	"time"

	"golang.org/x/sys/unix"
)

// in runs do on a thread in the namespace. Sockets that it opens stay there.
func (h host) in(do func() error) error {
	if h == 0 {
		return do()
	}
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", int(h)))
	if err != nil {
		return err
	}
	defer ns.Close()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	// The thread must live on: what it started dies with it (Pdeathsig).
	threads.LockOSThread()
	defer threads.UnlockOSThread()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	err = do()
	if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
		panic("bench: no way back from a network namespace: " + back.Error())
	}
	return err
}

// serve swallows connections whose first byte is 's' and answers with one byte
// at their end, and sends everything else back.
func (h host) serve() (end func(), err error) {
	var l net.Listener
	err = h.in(func() (err error) {
		l, err = net.Listen("tcp", ":"+servicePort)
		return err
	})
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answer(c)
		}
	}()
	return func() { _ = l.Close() }, nil
}

func answer(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 256<<10)
	n, err := c.Read(buf)
	if err != nil {
		return
	}
	if buf[0] != 's' {
		_, _ = c.Write(buf[:n]) // the client sees what is missing
		_, _ = io.Copy(c, c)
		return
	}
	for err == nil {
		_, err = c.Read(buf)
	}
	_, _ = c.Write([]byte{'.'})
}

func (h host) dial(address string) (c *net.TCPConn, err error) {
	err = h.in(func() error {
		plain, err := net.DialTimeout("tcp", address, 5*time.Second)
		if err == nil {
			c = plain.(*net.TCPConn) //nolint:forcetypeassert // of "tcp"
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, c.SetDeadline(time.Now().Add(time.Minute))
}

// bulkSize is how much push sends.
const bulkSize = 256 << 20

// push takes the time until all of bulkSize has arrived.
func (h host) push(address string) (took time.Duration, err error) {
	c, err := h.dial(address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	buf := make([]byte, 1<<20)
	buf[0] = 's'
	began := time.Now()
	for range bulkSize / len(buf) {
		if _, err := c.Write(buf); err != nil {
			return 0, err
		}
	}
	if err := c.CloseWrite(); err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(c, buf[:1]); err != nil {
		return 0, err
	}
	return time.Since(began), nil
}

// trip takes the median time of one byte there and back.
func (h host) trip(address string) (time.Duration, error) {
	c, err := h.dial(address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	one := []byte{'e'}
	return repeat(1000, func() error {
		_, err := c.Write(one)
		if err == nil {
			_, err = io.ReadFull(c, one)
		}
		return err
	})
}

// repeat takes the median time of a call.
func repeat(times int, call func() error) (time.Duration, error) {
	if times == 0 {
		return 0, errors.New("nothing to measure")
	}
	var r result
	for range times {
		began := time.Now()
		if err := call(); err != nil {
			return 0, err
		}
		r.took = append(r.took, time.Since(began))
	}
	return r.middle(), nil
}
