package stream

import (
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Logs keep what a workload writes. Each may be nil.
type Logs struct{ Stdout, Stderr io.Writer }

func (l Logs) of(name string) io.Writer {
	if name == "stderr" {
		return l.Stderr
	}
	return l.Stdout
}

// An output is one stream of a workload.
type output struct {
	name string
	log  io.Writer // nil keeps nothing
	src  *os.File
	tty  bool
	pass bool          // see Set.PassOn
	done chan struct{} // closed when all has been read that the workload wrote

	mu    sync.Mutex
	sinks []*sink // guarded by mu
	ended bool    // guarded by mu
	lost  bool    // a sink was lost, and none is left; guarded by mu
}

func (o *output) add(s *sink) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended {
		s.finish()
		return
	}
	o.sinks = append(o.sinks, s)
	o.lost = false
}

func (o *output) remove(s *sink) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sinks = slices.DeleteFunc(slices.Clone(o.sinks), func(x *sink) bool { return x == s })
	o.lost = len(o.sinks) == 0 && s.failed()
}

const chunk = 32 << 10

// copy reads the stream to its end.
func (o *output) copy() {
	buf := make([]byte, chunk)
	for {
		n, err := o.src.Read(buf)
		o.deliver(buf[:n])
		if o.broken() {
			o.src.Close()
			break
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			o.drain(buf)
			break
		}
		if err != nil {
			break
		}
	}
	o.finish()
	// Others that hold the stream may go on writing; nobody listens.
	_ = o.src.SetReadDeadline(time.Time{})
	for {
		if _, err := o.src.Read(buf); err != nil {
			break
		}
	}
	o.src.Close()
}

// drain takes what is there, without waiting for more.
func (o *output) drain(buf []byte) {
	raw, err := o.src.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		for {
			n, err := unix.Read(int(fd), buf)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if n <= 0 {
				return
			}
			o.deliver(buf[:n])
		}
	})
}

func (o *output) deliver(p []byte) {
	if len(p) == 0 {
		return
	}
	if o.log != nil {
		_, _ = o.log.Write(p) // a full disk must not stop the workload
	}
	o.mu.Lock()
	sinks := o.sinks
	o.mu.Unlock()
	for _, s := range sinks {
		s.put(p)
		if s.gone() {
			o.remove(s)
		}
	}
}

// broken tells whether the workload is to find the stream broken.
func (o *output) broken() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pass && o.lost
}

func (o *output) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	for _, s := range o.sinks {
		s.finish()
	}
	close(o.done)
}

// ttyPatience bounds the wait for a terminal's last output when somebody
// outside the container holds the terminal open.
const ttyPatience = 2 * time.Second

// end is called when the workload has ended: what it wrote is read, what
// others may write later is not waited for.
func (o *output) end() {
	o.mu.Lock()
	for _, s := range o.sinks {
		s.lift()
	}
	o.mu.Unlock()
	limit := time.Now()
	if o.tty {
		// The kernel moves a terminal's output later; its end is told.
		limit = limit.Add(ttyPatience)
	}
	_ = o.src.SetReadDeadline(limit)
	<-o.done
}
