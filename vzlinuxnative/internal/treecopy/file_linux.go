package treecopy

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// regular copies the bytes of a file, or shares them with the copy.
func regular(src, dst int, name string) error {
	// NONBLOCK: a pipe that was swapped in for the file is not waited for.
	in, err := unix.Openat(src, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	var st unix.Stat_t
	if err := unix.Fstat(in, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return unix.ESTALE // it was another file a moment ago
	}
	out, err := unix.Openat(dst, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	err = data(in, out, st.Size)
	return errors.Join(err, unix.Close(out))
}

func data(in, out int, size int64) error {
	if size == 0 {
		return nil
	}
	if unix.IoctlFileClone(out, in) == nil {
		return nil
	}
	if err := unix.Ftruncate(out, size); err != nil {
		return err
	}
	for at := int64(0); at < size; {
		start, err := unix.Seek(in, at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil // a hole to the end
		}
		end := size
		if err != nil { // no holes in this file system
			start = at
		} else if end, err = unix.Seek(in, start, unix.SEEK_HOLE); err != nil {
			return err
		}
		if err := extent(in, out, start, min(end, size)); err != nil {
			return err
		}
		at = end
	}
	return nil
}

func extent(in, out int, at, end int64) error {
	for at < end {
		from, to := at, at
		n, err := unix.CopyFileRange(in, &from, out, &to, int(min(end-at, 1<<30)), 0)
		if err != nil {
			return slowly(in, out, at, end)
		}
		if n == 0 {
			return nil // the file became shorter
		}
		at += int64(n)
	}
	return nil
}

// slowly copies by reading and writing, for file systems that know no better.
func slowly(in, out int, at, end int64) error {
	r := io.NewSectionReader(preader(in), at, end-at)
	w := io.NewOffsetWriter(pwriter(out), at)
	_, err := io.CopyBuffer(w, r, make([]byte, min(end-at, 256<<10)))
	return err
}

type preader int

func (fd preader) ReadAt(b []byte, at int64) (int, error) {
	n, err := unix.Pread(int(fd), b, at)
	if err == nil && n == 0 {
		err = io.EOF
	}
	return max(n, 0), err
}

type pwriter int

func (fd pwriter) WriteAt(b []byte, at int64) (int, error) {
	done := 0
	for done < len(b) {
		n, err := unix.Pwrite(int(fd), b[done:], at+int64(done))
		if err != nil {
			return done, os.NewSyscallError("pwrite", err)
		}
		done += n
	}
	return done, nil
}
