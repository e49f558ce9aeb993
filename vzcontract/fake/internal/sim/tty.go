package sim

import (
	"bytes"
	"sync"
	"syscall"
)

// A TTY is a terminal's line discipline between a master, which the host
// holds, and a container's processes.
type TTY struct {
	Rows, Cols uint16

	out  File
	mu   sync.Mutex
	line []byte // not yet delivered; guarded by mu
	in   *Pipe
	fore func(sig int)
}

// NewTTY returns a terminal that shows its output on out.
func NewTTY(out File) *TTY { return &TTY{out: out, in: NewPipe()} }

// SetForeground says who gets the signals of ctrl-C and ctrl-\.
func (t *TTY) SetForeground(signal func(sig int)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fore = signal
}

// Resize changes the size and tells the foreground.
func (t *TTY) Resize(rows, cols uint16) {
	t.mu.Lock()
	t.Rows, t.Cols = rows, cols
	fore := t.fore
	t.mu.Unlock()
	if fore != nil {
		fore(int(syscall.SIGWINCH))
	}
}

// Size returns the size in characters.
func (t *TTY) Size() (rows, cols uint16) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Rows, t.Cols
}

// Type takes what somebody typed: it is echoed, and delivered by the line.
func (t *TTY) Type(stop <-chan struct{}, b []byte) error {
	for _, c := range b {
		if err := t.typeOne(stop, c); err != nil {
			return err
		}
	}
	return nil
}

func (t *TTY) typeOne(stop <-chan struct{}, c byte) error {
	t.mu.Lock()
	fore := t.fore
	var echo string
	var deliver []byte
	var eof bool
	var sig syscall.Signal
	switch c {
	case 3:
		t.line, echo, sig = nil, "^C", syscall.SIGINT
	case 28:
		t.line, echo, sig = nil, "^\\", syscall.SIGQUIT
	case 4:
		deliver, eof = t.line, len(t.line) == 0
		t.line = nil
	case 127, 8:
		if len(t.line) > 0 {
			t.line, echo = t.line[:len(t.line)-1], "\b \b"
		}
	case '\r', '\n':
		deliver, echo = append(t.line, '\n'), "\n"
		t.line = nil
	default:
		t.line, echo = append(t.line, c), string(rune(c))
	}
	t.mu.Unlock()
	if _, err := t.Write(stop, []byte(echo)); err != nil {
		return err
	}
	if sig != 0 && fore != nil {
		fore(int(sig))
	}
	if eof {
		t.in.CloseWrite()
		return nil
	}
	_, err := t.in.Write(stop, deliver)
	return err
}

// Read implements File for the container's side.
func (t *TTY) Read(stop <-chan struct{}, b []byte) (int, error) { return t.in.Read(stop, b) }

// Write implements File for the container's side.
func (t *TTY) Write(stop <-chan struct{}, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if _, err := t.out.Write(stop, bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(b), nil
}
