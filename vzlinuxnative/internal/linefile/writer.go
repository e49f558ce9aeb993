//go:build linux

package linefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"vz.internal/vzcontract/statefile"
)

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// Options of Create.
type Options struct {
	Path string
	// MaxSize is when a file is full, in bytes; 0 is never. A file is larger
	// only when a single line is.
	MaxSize int64
	// MaxFiles is how many files there are, with the newest; 0 is one.
	MaxFiles int
}

// A Writer writes lines to the end of a file. There is one Writer of a path at
// a time; its methods are not safe for concurrent use.
type Writer struct {
	o    Options
	f    *os.File
	size int64
	torn bool // the file ends within a line
}

// Create opens the file, making it when it is missing. What a killed writer
// left of a line at its end becomes a line of its own, for readers to leave
// out: bytes that somebody may have read already never change.
func Create(o Options) (*Writer, error) {
	w := &Writer{o: o}
	return w, w.open()
}

func (w *Writer) open() error {
	f, err := os.OpenFile(w.o.Path, appendFlags, fileMode)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("open %s: %w", w.o.Path, statefile.ErrIrregular)
	}
	if err == nil {
		w.torn, err = Torn(f, st.Size())
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return err
	}
	w.f, w.size = f, st.Size()
	return nil
}

// Torn reports whether the first size bytes of f end within a line.
func Torn(f io.ReaderAt, size int64) (bool, error) {
	if size == 0 {
		return false, nil
	}
	var last [1]byte
	_, err := f.ReadAt(last[:], size-1)
	return last[0] != '\n', err
}

// Write writes whole lines; they are in the file when it returns.
func (w *Writer) Write(lines []byte) error {
	if w.torn {
		lines = append([]byte{'\n'}, lines...)
	}
	for len(lines) > 0 {
		n := len(lines)
		if w.o.MaxSize > 0 {
			n = fitting(lines, w.o.MaxSize-w.size)
			if n == 0 && w.size > 0 {
				if err := w.rotate(); err != nil {
					return err
				}
				continue
			}
			if n == 0 { // larger than a file by itself
				n = bytes.IndexByte(lines, '\n') + 1
			}
		}
		if err := w.append(lines[:n]); err != nil {
			return err
		}
		lines = lines[n:]
	}
	return nil
}

// fitting is the length of the whole lines that fit into room.
func fitting(lines []byte, room int64) int {
	switch {
	case int64(len(lines)) <= room:
		return len(lines)
	case room <= 0:
		return 0
	}
	return bytes.LastIndexByte(lines[:room], '\n') + 1
}

func (w *Writer) append(lines []byte) error {
	n, err := w.f.Write(lines)
	w.size += int64(n)
	if n > 0 {
		w.torn = lines[n-1] != '\n' // the disk is full
	}
	return err
}

func (w *Writer) rotate() error {
	if err := Rotate(w.o.Path, w.o.MaxFiles); err != nil {
		return err
	}
	old := w.f
	if err := w.open(); err != nil {
		return err
	}
	return old.Close()
}

// Close closes the file.
func (w *Writer) Close() error { return w.f.Close() }

var _ io.Closer = (*Writer)(nil)
