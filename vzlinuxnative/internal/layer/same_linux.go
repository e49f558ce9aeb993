package layer

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/inroot"
	"vz.internal/vzlinuxnative/internal/pack"
)

// same reports whether upper/name, which now describes, is as it was.
func (d *differ) same(upper *os.File, name string, now *unix.Stat_t, old *lowerEntry) (bool, error) {
	if now.Mode != old.Mode || now.Uid != old.Uid || now.Gid != old.Gid || now.Rdev != old.Rdev {
		return false, nil
	}
	if same, err := sameAttributes(upper, old.dir, name); err != nil || !same {
		return false, err
	}
	switch now.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return true, nil
	case unix.S_IFLNK:
		a, err := readlink(upper, name)
		if err != nil {
			return false, err
		}
		b, err := readlink(old.dir, old.name)
		return a == b && now.Mtim == old.Mtim, err
	}
	if now.Size != old.Size || now.Mtim != old.Mtim {
		return false, nil
	}
	if d.whole || now.Mode&unix.S_IFMT != unix.S_IFREG {
		return true, nil
	}
	return sameBytes(upper, old.dir, name)
}

func sameBytes(a, b *os.File, name string) (bool, error) {
	fa, err := inroot.OpenAt(int(a.Fd()), name)
	if err != nil {
		return false, err
	}
	defer fa.Close()
	fb, err := inroot.OpenAt(int(b.Fd()), name)
	if err != nil {
		return false, err
	}
	defer fb.Close()
	bufA, bufB := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, errA := io.ReadFull(fa, bufA)
		m, errB := io.ReadFull(fb, bufB)
		if !bytes.Equal(bufA[:n], bufB[:m]) {
			return false, nil
		}
		if errA != nil || errB != nil {
			ended := func(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
			if !ended(errA) || !ended(errB) {
				return false, errors.Join(errA, errB)
			}
			return true, nil
		}
	}
}

// sameAttributes compares those extended attributes that an image keeps.
func sameAttributes(a, b *os.File, name string) (bool, error) {
	ofA, err := attributes(a, name)
	if err != nil {
		return false, err
	}
	ofB, err := attributes(b, name)
	return maps.Equal(ofA, ofB), err
}

func attributes(dir *os.File, name string) (map[string]string, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(fd)
	return pack.Attributes(fd)
}
