package sparse

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// extents calls do for each part of f that may hold something else than zeros, in
// order. A file system without holes has one part.
func extents(f *os.File, size int64, do func(from, to int64) error) error {
	for at := int64(0); at < size; {
		from, err := f.Seek(at, unix.SEEK_DATA)
		switch {
		case errors.Is(err, unix.ENXIO): // a hole up to the end
			return nil
		case errors.Is(err, unix.EINVAL):
			return do(at, size)
		case err != nil:
			return err
		case from >= size:
			return nil
		}
		to, err := f.Seek(from, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		to = min(to, size)
		if err := do(from, to); err != nil {
			return err
		}
		at = to
	}
	_, err := f.Seek(0, io.SeekStart)
	return err
}
