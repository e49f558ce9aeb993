package stream

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Files are the streams of an attached client; each may be nil.
type Files struct{ In, Out, Err *os.File }

// Close closes them.
func (f Files) Close() {
	for _, file := range []*os.File{f.In, f.Out, f.Err} {
		if file != nil {
			file.Close()
		}
	}
}

// A Client is somebody attached to a set.
type Client struct {
	set   *Set
	sinks []*sink
	once  bool // its end is the end of stdin
	leave sync.Once
	stop  *os.File // write end of a pipe: closing it ends the reader
}

// Attach connects files, which the set takes over. closeStdin: the end of
// the client's input is the end of the workload's.
func (s *Set) Attach(f Files, closeStdin bool) (*Client, error) {
	c := &Client{set: s, once: closeStdin && f.In != nil}
	for _, o := range s.outs {
		file := f.Out
		if o.name == "stderr" {
			file = f.Err
		}
		if file == nil {
			continue
		}
		k := newSink(file)
		c.sinks = append(c.sinks, k)
		o.add(k)
	}
	if s.tty && f.Err != nil {
		f.Err.Close() // a terminal has one stream
	}
	if f.In == nil {
		return c, nil
	}
	if s.input() == nil {
		f.In.Close()
		return c, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		f.In.Close()
		c.Leave()
		return nil, err
	}
	c.stop = w
	go c.feed(f.In, r)
	return c, nil
}

// Done returns when the client has all the output of the ended workload, or is
// gone.
func (c *Client) Done() {
	for _, k := range c.sinks {
		<-k.done
	}
}

// Leave disconnects the client.
func (c *Client) Leave() {
	c.leave.Do(func() {
		for _, k := range c.sinks {
			k.drop()
		}
		if c.stop != nil {
			c.stop.Close()
		}
	})
}

// feed copies the client's input until its end, the workload's, or Leave.
func (c *Client) feed(in, stop *os.File) {
	defer stop.Close()
	defer in.Close()
	buf := make([]byte, chunk)
	for {
		n, err := readUnless(in, stop, buf)
		if n > 0 {
			w := c.set.input()
			if w == nil {
				return
			}
			if _, err := w.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			in.Close() // nobody reads it any more when stdin has ended
			if c.once {
				c.set.CloseStdin()
			}
			return
		}
	}
}

var errEnd = errors.New("end of input")

// readUnless reads from in, whose mode is its owner's, until stop is closed.
func readUnless(in, stop *os.File, buf []byte) (n int, err error) {
	inFD, err := descriptor(in)
	if err != nil {
		return 0, err
	}
	stopFD, err := descriptor(stop)
	if err != nil {
		return 0, err
	}
	for {
		fds := []unix.PollFd{{Fd: int32(inFD), Events: unix.POLLIN}, {Fd: int32(stopFD), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil {
			if errors.Is(err, unix.EINTR) {
				continue
			}
			return 0, err
		}
		if fds[1].Revents != 0 {
			return 0, errEnd
		}
		n, err := unix.Read(inFD, buf)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, errEnd
		}
		return n, nil
	}
}

// descriptor returns the file's descriptor and leaves its mode alone, which
// Fd does not.
func descriptor(f *os.File) (fd int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	err = raw.Control(func(n uintptr) { fd = int(n) })
	return fd, err
}
