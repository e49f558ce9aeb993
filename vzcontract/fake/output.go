package fake

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/sim"
)

// maxPart bounds a log entry; longer lines come in parts.
const maxPart = 16 << 10

// output takes what a workload writes: it goes to the log and to everybody who
// is attached.
type output struct {
	record func(logLine)
	logged bool

	// mu orders writes and is held while lines are logged and delivered; it
	// is taken before Backend.mu. clientsMu is taken last.
	mu      sync.Mutex
	partial map[string][]byte // the line begun on each stream; guarded by mu

	clientsMu sync.Mutex
	clients   []*attachment // guarded by clientsMu
}

func newOutput(record func(logLine), logged bool) *output {
	return &output{record: record, logged: logged, partial: map[string][]byte{}}
}

func (o *output) file(stream string) sim.File { return sim.SinkTo(streamWriter{o, stream}) }

type streamWriter struct {
	out    *output
	stream string
}

// Write logs before it delivers.
func (w streamWriter) Write(b []byte) (int, error) {
	o := w.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.logged {
		o.append(w.stream, b)
	}
	o.clientsMu.Lock()
	clients := slices.Clone(o.clients)
	o.clientsMu.Unlock()
	for _, a := range clients {
		if !a.deliver(w.stream, b) {
			o.remove(a)
		}
	}
	return len(b), nil
}

func (o *output) remove(a *attachment) {
	o.clientsMu.Lock()
	defer o.clientsMu.Unlock()
	o.clients = slices.DeleteFunc(o.clients, func(other *attachment) bool { return other == a })
}

func (o *output) append(stream string, b []byte) {
	pending := append(o.partial[stream], b...)
	for {
		n := bytes.IndexByte(pending, '\n') + 1
		if n == 0 && len(pending) >= maxPart {
			n = maxPart
		}
		if n == 0 {
			break
		}
		o.record(logLine{Time: time.Now(), Stream: stream, Line: bytes.Clone(pending[:n])})
		pending = pending[n:]
	}
	o.partial[stream] = bytes.Clone(pending)
}

// flush logs the lines that were begun.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, stream := range []string{"stdout", "stderr"} {
		if len(o.partial[stream]) > 0 {
			o.record(logLine{Time: time.Now(), Stream: stream, Line: o.partial[stream]})
			o.partial[stream] = nil
		}
	}
}

// exit ends all attachments with the workload's status.
func (o *output) exit(status vzcontract.ExitStatus) {
	o.clientsMu.Lock()
	defer o.clientsMu.Unlock()
	for _, a := range o.clients {
		a.end(status, nil)
	}
	o.clients = nil
}

func (o *output) add(a *attachment) {
	o.clientsMu.Lock()
	defer o.clientsMu.Unlock()
	o.clients = append(o.clients, a)
}

var errDetached = errors.New("detached")

// deliver writes to an attached client and reports whether it is still there.
func (a *attachment) deliver(stream string, b []byte) bool {
	if a.ended() {
		return false
	}
	var w io.Writer = a.opts.Out
	if stream == "stderr" {
		w = a.opts.Err
	}
	if w == nil {
		return true
	}
	if _, err := w.Write(b); err != nil {
		a.end(vzcontract.ExitStatus{}, vzcontract.Errorf(vzcontract.ErrUnavailable, "attached %s: %w", stream, err))
		return false
	}
	return true
}
