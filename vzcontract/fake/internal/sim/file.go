package sim

import (
	"errors"
	"io"
	"io/fs"
	"sync"
	"syscall"
	"time"

	"vz.internal/vzcontract/fake/internal/tree"
)

// A File is an open file. Reads and writes that would block end with
// errInterrupted when stop is closed.
type File interface {
	Read(stop <-chan struct{}, b []byte) (int, error)
	Write(stop <-chan struct{}, b []byte) (int, error)
}

var errInterrupted = errors.New("interrupted")

// Null is /dev/null.
var Null File = nullFile{}

type nullFile struct{}

func (nullFile) Read(<-chan struct{}, []byte) (int, error)      { return 0, io.EOF }
func (nullFile) Write(_ <-chan struct{}, b []byte) (int, error) { return len(b), nil }

// A Pipe is a bounded buffer between a writer and a reader.
type Pipe struct {
	mu      sync.Mutex
	buf     []byte        // guarded by mu
	changed chan struct{} // closed and replaced when anything changes; guarded by mu
	closedW bool          // guarded by mu
	closedR bool          // guarded by mu
}

const pipeSize = 64 << 10

// NewPipe returns an open, empty pipe.
func NewPipe() *Pipe { return &Pipe{changed: make(chan struct{})} }

func (p *Pipe) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Read implements File.
func (p *Pipe) Read(stop <-chan struct{}, b []byte) (int, error) {
	for {
		p.mu.Lock()
		if len(p.buf) > 0 {
			n := copy(b, p.buf)
			p.buf = p.buf[:copy(p.buf, p.buf[n:])]
			p.notify()
			p.mu.Unlock()
			return n, nil
		}
		closed, changed := p.closedW || p.closedR, p.changed
		p.mu.Unlock()
		if closed {
			return 0, io.EOF
		}
		select {
		case <-changed:
		case <-stop:
			return 0, errInterrupted
		}
	}
}

// Write implements File; a pipe whose reader is gone gives EPIPE.
func (p *Pipe) Write(stop <-chan struct{}, b []byte) (int, error) {
	written := 0
	for {
		p.mu.Lock()
		if p.closedR || p.closedW {
			p.mu.Unlock()
			return written, syscall.EPIPE
		}
		if room := pipeSize - len(p.buf); room > 0 && len(b) > 0 {
			n := min(room, len(b))
			p.buf = append(p.buf, b[:n]...)
			b, written = b[n:], written+n
			p.notify()
		}
		changed := p.changed
		p.mu.Unlock()
		if len(b) == 0 {
			return written, nil
		}
		select {
		case <-changed:
		case <-stop:
			return written, errInterrupted
		}
	}
}

// CloseWrite ends what the reader gets.
func (p *Pipe) CloseWrite() { p.set(&p.closedW) }

// CloseRead makes writes fail.
func (p *Pipe) CloseRead() { p.set(&p.closedR) }

func (p *Pipe) set(flag *bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*flag = true
	p.notify()
}

// SinkTo returns a write-only File on w.
func SinkTo(w io.Writer) File { return sink{w} }

type sink struct{ w io.Writer }

func (sink) Read(<-chan struct{}, []byte) (int, error)        { return 0, io.EOF }
func (s sink) Write(_ <-chan struct{}, b []byte) (int, error) { return s.w.Write(b) }

// treeFile is an open file of the container's tree.
type treeFile struct {
	view *tree.View
	name string
	mu   sync.Mutex
	at   int // guarded by mu
	app  bool
}

func openRead(view *tree.View, name string) (File, error) {
	n, err := view.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case n.Mode.IsDir():
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	}
	return &treeFile{view: view, name: name}, nil
}

// openWrite makes the file, or empties it unless app.
func openWrite(view *tree.View, name string, app bool) (File, error) {
	n, err := view.Stat(name)
	if err == nil && n.Mode.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	}
	if err != nil {
		n = tree.Node{Mode: 0o644}
	}
	if !app {
		n.Data = nil
	}
	n.ModTime = time.Now()
	if err := view.Put(name, n); err != nil {
		return nil, err
	}
	return &treeFile{view: view, name: name, app: app}, nil
}

// Read implements File.
func (f *treeFile) Read(_ <-chan struct{}, b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.view.Stat(f.name)
	if err != nil {
		return 0, err
	}
	if f.at >= len(n.Data) {
		return 0, io.EOF
	}
	count := copy(b, n.Data[f.at:])
	f.at += count
	return count, nil
}

// Write implements File.
func (f *treeFile) Write(_ <-chan struct{}, b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.view.Stat(f.name)
	if err != nil {
		return 0, err
	}
	if f.app {
		f.at = len(n.Data)
	}
	data := make([]byte, max(len(n.Data), f.at+len(b)))
	copy(data, n.Data)
	copy(data[f.at:], b)
	f.at += len(b)
	n.Data, n.ModTime = data, time.Now()
	return len(b), f.view.Put(f.name, n)
}
