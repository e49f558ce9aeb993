package unpack

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	holeSize  = 64 << 10 // the least that is worth a hole
	blockSize = 4 << 10  // holes of files that are sparse in the archive
)

var zeros [holeSize]byte

// contents writes what the archive has for h.
func (a *applier) contents(fd int, h *tar.Header) error {
	unit := int64(holeSize)
	if isSparse(h) {
		unit = blockSize
	}
	w := holeWriter{fd: fd, unit: int(unit)}
	for left := h.Size; left > 0; {
		n, err := io.ReadFull(a.tar, a.buf[:min(left, int64(len(a.buf)))])
		if err != nil {
			return a.src.explain(err)
		}
		if err := w.write(a.buf[:n]); err != nil {
			return err
		}
		left -= int64(n)
	}
	a.result.Size += w.written
	return w.end()
}

func isSparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// A holeWriter writes a new file and leaves holes for units of zeros.
type holeWriter struct {
	fd      int
	unit    int
	at      int64
	written int64
	hole    bool // the end is a hole
}

// write appends b, which all but the last time is a multiple of the unit.
func (w *holeWriter) write(b []byte) error {
	for len(b) > 0 {
		n := w.run(b, false)
		if n > 0 {
			if err := pwriteAll(w.fd, b[:n], w.at); err != nil {
				return err
			}
			w.written += int64(n)
			w.hole = false
		}
		skip := w.run(b[n:], true)
		if skip > 0 {
			w.hole = true
		}
		w.at += int64(n + skip)
		b = b[n+skip:]
	}
	return nil
}

// run returns the length of the units at the start of b that are zero, or are
// not.
func (w *holeWriter) run(b []byte, zero bool) int {
	n := 0
	for n < len(b) {
		u := b[n:min(len(b), n+w.unit)]
		if (len(u) == w.unit && isZero(u)) != zero {
			break
		}
		n += len(u)
	}
	return n
}

func isZero(b []byte) bool {
	return b[0] == 0 && b[len(b)/2] == 0 && bytes.Equal(b, zeros[:len(b)])
}

func (w *holeWriter) end() error {
	if !w.hole {
		return nil
	}
	if err := unix.Ftruncate(w.fd, w.at); err != nil {
		return fmt.Errorf("set size: %w", err)
	}
	return nil
}

func pwriteAll(fd int, b []byte, at int64) error {
	for len(b) > 0 {
		n, err := unix.Pwrite(fd, b, at)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		b, at = b[n:], at+int64(n)
	}
	return nil
}
