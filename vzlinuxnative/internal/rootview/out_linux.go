package rootview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/inroot"
	"vz.internal/vzlinuxnative/internal/pack"
)

// Stat tells what name is. A link at its end is not followed, unless a slash
// comes after it.
func Stat(root *os.File, name string) (vzcontract.PathStat, error) {
	fd, stat, err := open(root, name)
	if err != nil {
		return stat, err
	}
	return stat, unix.Close(fd)
}

func open(root *os.File, name string) (int, vzcontract.PathStat, error) {
	flags := unix.O_NOFOLLOW
	if strings.HasSuffix(name, "/") || strings.HasSuffix(name, "/.") {
		flags = 0
	}
	fd, err := inroot.Resolve(int(root.Fd()), name, flags)
	if err != nil {
		return -1, vzcontract.PathStat{}, classify(name, err)
	}
	stat, err := statOf(fd, name)
	if err != nil {
		_ = unix.Close(fd) // only looked at
	}
	return fd, stat, err
}

// classify says of what kind the failure to reach name is.
func classify(name string, err error) error {
	if code := vzcontract.CodeOf(err); code != vzcontract.CodeInternal {
		return vzcontract.Errorf(vzcontract.SentinelOf(code), "%s: %w", vzcontract.ShownPath(name), err)
	}
	class := vzcontract.ErrValidation
	var cause unix.Errno
	if errors.As(err, &cause) {
		err = cause
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		class = vzcontract.ErrNotFound
	case errors.Is(err, fs.ErrPermission):
		class = vzcontract.ErrDenied
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT), errors.Is(err, unix.EIO), errors.Is(err, unix.EROFS),
		errors.Is(err, unix.EBUSY), errors.Is(err, unix.ENOTEMPTY):
		class = vzcontract.ErrConflict
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE), errors.Is(err, unix.ENOMEM):
		class = vzcontract.ErrUnavailable
	}
	return vzcontract.Errorf(class, "%s: %w", vzcontract.ShownPath(name), err)
}

func statOf(fd int, name string) (vzcontract.PathStat, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return vzcontract.PathStat{}, classify(name, err)
	}
	stat := vzcontract.PathStat{
		Name: path.Base(path.Clean("/" + name)), Size: st.Size, Mode: uint32(fileMode(st.Mode)), ModTime: time.Unix(st.Mtim.Unix()),
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(fd, "", buf)
		if err != nil {
			return stat, classify(name, err)
		}
		stat.LinkTarget = string(buf[:n])
	}
	return stat, nil
}

func fileMode(m uint32) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	switch m & unix.S_IFMT {
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFBLK:
		mode |= fs.ModeDevice
	}
	for bit, flag := range map[uint32]fs.FileMode{unix.S_ISUID: fs.ModeSetuid, unix.S_ISGID: fs.ModeSetgid, unix.S_ISVTX: fs.ModeSticky} {
		if m&bit != 0 {
			mode |= flag
		}
	}
	return mode
}

// Out returns name and what is below it as a tar stream, whose first entry is
// its base name. Devices, pipes and sockets are left out. Of "/" the entries
// are those in it. The caller closes the stream, and may close root before.
func Out(ctx context.Context, root *os.File, name string) (io.ReadCloser, vzcontract.PathStat, error) {
	return OutAs(ctx, root, name, path.Base(path.Clean("/"+name)))
}

// OutAs is Out with another name for the first entry.
func OutAs(ctx context.Context, root *os.File, name, as string) (io.ReadCloser, vzcontract.PathStat, error) {
	fd, stat, err := open(root, name)
	if err != nil {
		return nil, stat, err
	}
	if fs.FileMode(stat.Mode).IsRegular() && pack.Kernel(fd) {
		return nil, stat, errors.Join(unix.Close(fd), vzcontract.Errorf(vzcontract.ErrUnsupported,
			"%s: the kernel makes it up as it is read, so it cannot be copied; use vz exec with cat", name))
	}
	stat.Name = as
	ctx, cancel := context.WithCancel(ctx)
	r, w := io.Pipe()
	s := &stream{PipeReader: r, cancel: cancel, done: make(chan struct{})}
	interrupted := context.AfterFunc(ctx, func() { w.CloseWithError(context.Cause(ctx)) }) // in a large file too
	go func() {
		defer close(s.done)
		defer interrupted()
		defer unix.Close(fd)
		p := pack.New(w, pack.Options{})
		var err error
		if stat.Name == "/" {
			err = p.Children(ctx, fd, "")
		} else {
			err = p.Opened(ctx, fd, stat.Name)
		}
		if err == nil {
			err = p.Close()
		}
		if err != nil {
			err = fmt.Errorf("copy %s: %w", name, err)
		}
		w.CloseWithError(err)
	}()
	return s, stat, nil
}

// A stream ends its writer when it is closed.
type stream struct {
	*io.PipeReader
	cancel context.CancelFunc
	done   chan struct{}
}

func (s *stream) Close() error {
	s.cancel()
	err := s.PipeReader.Close()
	<-s.done
	return err
}
