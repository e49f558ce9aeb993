//go:build linux

package logfile

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	"vz.internal/vzlinuxnative/internal/linefile"
)

// Options of Create.
type Options struct {
	Path     string
	MaxSize  int64 // bytes of one file; 0 is unlimited
	MaxFiles int   // 0 is one
}

// A Writer writes the log of one container. Its methods, and those of its
// streams, are safe for concurrent use.
type Writer struct {
	mu      sync.Mutex
	lines   *linefile.Writer // guarded by mu
	streams []*stream        // guarded by mu
	clock   clock            // guarded by mu
	out     []byte           // guarded by mu
}

// Create opens the log, to append to what is there.
func Create(o Options) (*Writer, error) {
	lines, err := linefile.Create(linefile.Options(o))
	if err != nil {
		return nil, err
	}
	return &Writer{lines: lines}, nil
}

// A stream is one of the workload's outputs.
type stream struct {
	w     *Writer
	name  string
	begun []byte // a line without its end; guarded by w.mu
}

// Stream returns the writer of "stdout" or "stderr". What it is given is in
// the file when Write returns, but for a line that was only begun: that waits
// for its end, for Flush, or until it is 16 KiB long. It is an io.ReaderFrom
// that goes on reading when the log cannot be written to (a full disk), so
// that the workload does not block, and returns that error at the end.
func (w *Writer) Stream(name string) io.Writer {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.streams {
		if s.name == name {
			return s
		}
	}
	s := &stream{w: w, name: name}
	w.streams = append(w.streams, s)
	return s
}

// Flush writes the lines that were begun, as at the end of a run.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

func (w *Writer) flush() error {
	stamp := w.clock.format(time.Now())
	for _, s := range w.streams {
		if len(s.begun) > 0 {
			w.out = appendEntry(w.out, s.name, s.begun, stamp)
			s.begun = s.begun[:0]
		}
	}
	return w.write()
}

// Close flushes and closes the log.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.flush(), w.lines.Close())
}

// write hands over what is in out.
func (w *Writer) write() error {
	if len(w.out) == 0 {
		return nil
	}
	err := w.lines.Write(w.out)
	w.out = w.out[:0]
	return err
}

// Write implements io.Writer. It takes all of b also when it returns an error.
func (s *stream) Write(b []byte) (int, error) {
	w := s.w
	w.mu.Lock()
	defer w.mu.Unlock()
	stamp := w.clock.format(time.Now())
	for rest := b; len(rest) > 0; {
		n := bytes.IndexByte(rest, '\n') + 1
		whole := n > 0
		if !whole {
			n = len(rest)
		}
		if room := maxPart - len(s.begun); n >= room {
			n, whole = room, true
		}
		switch {
		case !whole:
			s.begun = append(s.begun, rest...)
		case len(s.begun) == 0:
			n = wholeRunes(rest[:n])
			w.out = appendEntry(w.out, s.name, rest[:n], stamp)
		default:
			s.begun = append(s.begun, rest[:n]...)
			cut := wholeRunes(s.begun)
			w.out = appendEntry(w.out, s.name, s.begun[:cut], stamp)
			s.begun = append(s.begun[:0], s.begun[cut:]...)
		}
		rest = rest[n:]
	}
	return len(b), w.write()
}

// wholeRunes is the length of part without a character that is cut at its end.
func wholeRunes(part []byte) int {
	for n := len(part); n > len(part)-utf8.UTFMax && n > 0; n-- {
		if utf8.RuneStart(part[n-1]) {
			if !utf8.FullRune(part[n-1:]) && n > 1 {
				return n - 1
			}
			break
		}
	}
	return len(part)
}

// ReadFrom implements io.ReaderFrom.
func (s *stream) ReadFrom(r io.Reader) (total int64, failed error) {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		total += int64(n)
		if n > 0 {
			if _, err := s.Write(buf[:n]); err != nil && failed == nil {
				failed = err
			}
		}
		if errors.Is(err, io.EOF) {
			return total, failed
		}
		if err != nil {
			return total, errors.Join(err, failed)
		}
	}
}
