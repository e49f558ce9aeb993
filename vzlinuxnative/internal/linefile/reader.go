//go:build linux

package linefile

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"vz.internal/vzcontract/statefile"
)

// maxLine bounds the memory for a line; a longer one is left out.
const maxLine = 4 << 20

// A Reader reads the lines of a path and its older files, oldest first. Its
// methods are not safe for concurrent use. Who has a Reader open keeps the
// files that it knows of, also when they are rotated away meanwhile.
type Reader struct {
	path  string
	watch *watch     // nil unless following
	files []*os.File // those to read, oldest first
	limit int64      // bytes of the last file to read, when not following

	buf        []byte
	start, end int   // the unread part of buf
	read       int64 // bytes read of files[0]
	skip       bool  // the rest of a line that is too long follows
}

// Open opens what is there; nothing there is no error. A Reader that follows
// goes on with what is written later.
func Open(path string, follow bool) (*Reader, error) {
	r := &Reader{path: path, buf: make([]byte, 64<<10)}
	if follow {
		// Before looking at the files, so that no change is missed.
		w, err := newWatch(filepath.Dir(path))
		if err != nil {
			return nil, err
		}
		r.watch = w
	}
	if err := r.discover(); err != nil {
		_ = r.Close() // only read from
		return nil, err
	}
	if n := len(r.files); n > 0 {
		st, err := r.files[n-1].Stat()
		if err != nil {
			_ = r.Close() // only read from
			return nil, err
		}
		r.limit = st.Size()
	}
	return r, nil
}

// Close ends reading.
func (r *Reader) Close() error {
	for _, f := range r.files {
		_ = f.Close() // only read from
	}
	r.files = nil
	if r.watch != nil {
		return r.watch.close()
	}
	return nil
}

// discover opens files that are newer than the newest known.
func (r *Reader) discover() error {
	var newest os.FileInfo
	if n := len(r.files); n > 0 {
		var err error
		if newest, err = r.files[n-1].Stat(); err != nil {
			return err
		}
		if now, err := os.Stat(r.path); err == nil && os.SameFile(now, newest) {
			return nil
		}
	}
	var found []*os.File // newest first
	var infos []os.FileInfo
	known := func(st os.FileInfo) bool {
		return slices.ContainsFunc(infos, func(o os.FileInfo) bool { return os.SameFile(o, st) })
	}
	// A rotation leaves one gap at a time, and moves files upwards as this goes.
	for i, missed := 0, 0; missed < 2; i++ {
		f, err := statefile.Open(generation(r.path, i))
		if isNotExist(err) {
			missed++
			continue
		}
		if err != nil {
			return err
		}
		missed = 0
		st, err := f.Stat()
		if err != nil {
			return fmt.Errorf("open log: %w", err)
		}
		if newest != nil && os.SameFile(st, newest) {
			_ = f.Close() // it is open already
			break
		}
		if known(st) {
			_ = f.Close() // it is open already
			continue
		}
		found, infos = append(found, f), append(infos, st)
	}
	slices.Reverse(found)
	r.files = append(r.files, found...)
	return nil
}

// Next returns the next line with its newline, valid until the next call. At
// the end it returns io.EOF; a Reader that follows is at the end when ended is
// closed, or the directory gone, and all that was written before is read. An
// unfinished line at the end of a file is left out.
func (r *Reader) Next(ctx context.Context, ended <-chan struct{}) ([]byte, error) {
	final := false
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if i := bytes.IndexByte(r.buf[r.start:r.end], '\n'); i >= 0 {
			line := r.buf[r.start : r.start+i+1]
			r.start += i + 1
			if !r.skip {
				return line, nil
			}
			r.skip = false
			continue
		}
		more, err := r.fill()
		if err != nil {
			return nil, err
		}
		if more {
			continue
		}
		switch {
		case len(r.files) > 1:
			r.shift()
		case r.watch == nil || final:
			return nil, io.EOF
		default:
			if final, err = r.watch.wait(ctx, ended); err != nil {
				return nil, err
			}
		}
	}
}

// shift goes on to the next file. What is left of the last line of this one
// was never finished.
func (r *Reader) shift() {
	_ = r.files[0].Close() // only read from
	r.files = r.files[1:]
	r.start, r.end, r.read, r.skip = 0, 0, 0, false
}

// fill reads on in the present file and reports whether there was more to do
// there. It has noticed newer files, if there are any, before the last read.
func (r *Reader) fill() (bool, error) {
	if r.watch != nil {
		if err := r.discover(); err != nil {
			return false, err
		}
	}
	if len(r.files) == 0 {
		return false, nil
	}
	r.start, r.end = 0, copy(r.buf, r.buf[r.start:r.end])
	if r.end == len(r.buf) {
		r.grow()
	}
	room := r.buf[r.end:]
	if r.watch == nil && len(r.files) == 1 {
		room = room[:min(int64(len(room)), r.limit-r.read)]
	}
	if len(room) == 0 {
		return false, nil
	}
	n, err := r.files[0].Read(room)
	r.end += n
	r.read += int64(n)
	if err == io.EOF {
		err = nil
	}
	return n > 0, err
}

func (r *Reader) grow() {
	if len(r.buf) >= maxLine {
		r.end, r.skip = 0, true
		return
	}
	r.buf = append(r.buf, make([]byte, len(r.buf))...)
}
