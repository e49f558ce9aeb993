package sparse

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// What is looked at together, and what is a hole if it is all zeros.
const (
	chunk = 256 << 10
	page  = 4096
)

var zeros [chunk]byte

// Copy copies from to to, which is empty or all zeros, and gives it the same size.
// What is zero stays a hole.
func Copy(to, from *os.File) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	there, err := to.Stat()
	if err != nil {
		return err
	}
	if there.Size() != info.Size() {
		if err := to.Truncate(info.Size()); err != nil {
			return err
		}
	}
	return read(from, info.Size(), func(data []byte, at int64) error { return write(to, data, at) })
}

// write writes the pages of data that are not all zeros.
func write(to *os.File, data []byte, at int64) error {
	for len(data) > 0 {
		n := 0
		for n < len(data) && !empty(data[n:min(n+page, len(data))]) {
			n = min(n+page, len(data))
		}
		if n > 0 {
			if _, err := to.WriteAt(data[:n], at); err != nil {
				return err
			}
		} else {
			n = min(page, len(data))
		}
		data, at = data[n:], at+int64(n)
	}
	return nil
}

func empty(data []byte) bool { return bytes.Equal(data, zeros[:len(data)]) }

// read calls do for all of f that is not in holes, in order and in pieces.
func read(f *os.File, size int64, do func(data []byte, at int64) error) error {
	buffer := make([]byte, chunk)
	return extents(f, size, func(from, to int64) error {
		for at := from; at < to; {
			data := buffer[:min(chunk, to-at)]
			if _, err := f.ReadAt(data, at); err != nil {
				if errors.Is(err, io.EOF) {
					err = io.ErrUnexpectedEOF
				}
				return err
			}
			if err := do(data, at); err != nil {
				return err
			}
			at += int64(len(data))
		}
		return nil
	})
}
