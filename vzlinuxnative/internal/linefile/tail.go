//go:build linux

package linefile

import (
	"bytes"
	"fmt"
	"os"
	"slices"
)

// Tail leaves out all but the last n lines for which want is true, and those
// after the first of them. It reads from the end, no more than it needs, and
// is called before Next.
func (r *Reader) Tail(n int, want func(line []byte) bool) error {
	for i, f := range slices.Backward(r.files) {
		size := r.limit
		if i < len(r.files)-1 || r.watch != nil {
			st, err := f.Stat()
			if err != nil {
				return err
			}
			size = st.Size()
		}
		at, found, err := tailOf(f, size, n, want)
		if err != nil {
			return fmt.Errorf("read the end of %s: %w", f.Name(), err)
		}
		if n -= found; n > 0 {
			continue
		}
		for range i {
			r.shift()
		}
		_, err = r.files[0].Seek(at, 0)
		r.read = at
		return err
	}
	return nil
}

// tailOf finds where the last n wanted lines of f begin, or how many there are.
func tailOf(f *os.File, size int64, n int, want func([]byte) bool) (at int64, found int, err error) {
	// text is what is known of [start, …): lines that are not counted yet.
	var text []byte
	start := size
	whole := false // text ends with a newline
	for block := int64(64 << 10); start > 0; block = max(64<<10, int64(len(text))) {
		head := make([]byte, min(block, start), min(block, start)+int64(len(text)))
		start -= int64(len(head))
		if _, err := f.ReadAt(head, start); err != nil {
			return 0, 0, err
		}
		text = append(head, text...)
		if !whole { // what follows the last newline is unfinished
			end := bytes.LastIndexByte(text, '\n') + 1
			text, whole = text[:end], end > 0
			if whole && n == 0 {
				return start + int64(end), 0, nil
			}
		}
		for len(text) > 0 {
			begin := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
			if begin == 0 && start > 0 {
				break // the rest of the line is further up
			}
			if want(text[begin:]) {
				if found++; found == n {
					return start + int64(begin), found, nil
				}
			}
			text = text[:begin]
		}
	}
	return 0, found, nil
}
