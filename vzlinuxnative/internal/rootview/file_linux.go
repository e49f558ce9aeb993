package rootview

import (
	"archive/tar"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/inroot"
	"vz.internal/vzlinuxnative/internal/pack"
)

func temporaryName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return ".vz-" + hex.EncodeToString(b[:])
}

// file writes a regular file under a temporary name and moves it to base.
func (u *unpacker) file(parent int, base, temporary string, h *tar.Header, in io.Reader) error {
	fd, err := unix.Openat(parent, temporary, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	if _, err := io.Copy(struct{ io.Writer }{f}, in); err != nil {
		return err
	}
	if err := u.attributes(fd, h); err != nil {
		return err
	}
	if err := times(fd, h); err != nil {
		return err
	}
	err = unix.Renameat(parent, temporary, parent, base)
	if errors.Is(err, unix.EBUSY) {
		return overwrite(parent, base, f)
	}
	return err
}

// overwrite writes to a file that is a mount and so keeps its place, such as
// /etc/hosts.
func overwrite(parent int, base string, from *os.File) error {
	fd, err := unix.Openat(parent, base, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fs.ErrInvalid // a device or pipe is not opened
	}
	to, err := inroot.Reopen(fd, unix.O_WRONLY|unix.O_TRUNC)
	if err != nil {
		return err
	}
	if _, err = from.Seek(0, io.SeekStart); err == nil {
		_, err = io.Copy(to, from)
	}
	return errors.Join(err, to.Close())
}

// attributes gives what is open as fd its owner, extended attributes and mode.
func (u *unpacker) attributes(fd int, h *tar.Header) error {
	uid, gid := 0, 0
	if u.KeepOwner {
		uid, gid = h.Uid, h.Gid
	}
	if err := unix.Fchown(fd, uid, gid); err != nil {
		return err
	}
	for key, value := range h.PAXRecords {
		name, ok := strings.CutPrefix(key, pack.AttributePrefix)
		if !ok || !pack.Portable(name) {
			continue
		}
		if err := unix.Fsetxattr(fd, name, []byte(value), 0); err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
			return err
		}
	}
	return unix.Fchmod(fd, uint32(h.Mode&0o7777)) //nolint:gosec // masked
}

func times(fd int, h *tar.Header) error {
	if h.ModTime.IsZero() {
		return nil
	}
	access := h.AccessTime
	if access.IsZero() {
		access = time.Now()
	}
	var ts [2]unix.Timespec
	for i, at := range []time.Time{access, h.ModTime} {
		spec, err := unix.TimeToTimespec(at)
		if err != nil {
			return err
		}
		ts[i] = spec
	}
	return unix.UtimesNanoAt(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), ts[:], 0)
}

// finish gives the directories their times, which later entries have changed.
func (u *unpacker) finish() error {
	for _, h := range u.made {
		name, err := local(h.Name)
		if err != nil {
			return err
		}
		fd, err := inroot.Resolve(u.root, u.at(name), unix.O_DIRECTORY)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			continue // the container has taken it away
		}
		if err != nil {
			return classify(name, err)
		}
		err = times(fd, h)
		_ = unix.Close(fd) // only a name
		if err != nil {
			return classify(name, err)
		}
	}
	return nil
}
