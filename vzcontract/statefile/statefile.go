// Package statefile reads the files in which vz keeps its state. Whatever lies in the
// place of one, such as a named pipe or a device, is an error at once: a damaged record
// must not make vz wait, or read without end.
package statefile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// ErrIrregular is what is in the place of a file and is none.
var ErrIrregular = errors.New("it is not a regular file")

// Read returns what the file holds, with the errors of [Open].
func Read(path string) ([]byte, error) {
	f, size, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	b.Grow(int(size) + bytes.MinRead)
	_, err = b.ReadFrom(f)
	return b.Bytes(), err
}

// Open opens the file for reading, with the errors of os.Open, or one that matches
// [ErrIrregular].
func Open(path string) (*os.File, error) {
	f, _, err := open(path)
	return f, err
}

func open(path string) (f *os.File, size int64, err error) {
	f, err = os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENXIO) { // a socket
		return nil, 0, irregular(path)
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = irregular(path)
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func irregular(path string) error { return &fs.PathError{Op: "read", Path: path, Err: ErrIrregular} }
