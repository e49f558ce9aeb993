package volume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/inroot"
	"vz.internal/vzlinuxnative/internal/treecopy"
)

// Path returns the host directory with the volume's files. A tmpfs volume is
// mounted there if it is not yet, in the caller's mount namespace: call it
// where the mount is to be seen by all who share the volume.
func (s *Store) Path(name string) (string, error) {
	info, err := s.Inspect(name)
	if err != nil {
		return "", err
	}
	o, err := parseOptions(info.Options)
	if err != nil {
		return "", err
	}
	switch {
	case o.bind != "":
		if st, err := os.Stat(o.bind); err != nil {
			return "", failure("mount", name, vzcontract.ErrValidation, "its device: %w", err)
		} else if !st.IsDir() {
			return "", failure("mount", name, vzcontract.ErrValidation, "its device %s is not a directory", o.bind)
		}
		return o.bind, nil
	case o.tmpfs:
		unlock, err := s.lockVolume(name)
		if err != nil {
			return "", err
		}
		defer unlock()
		if !mounted(s.data(name)) {
			if err := unix.Mount("tmpfs", s.data(name), "tmpfs", o.flags, o.data); err != nil {
				return "", failure("mount", name, vzcontract.ErrValidation, "tmpfs with %q: %w", info.Options["o"], err)
			}
		}
	}
	return s.data(name), nil
}

func (s *Store) lockVolume(name string) (func(), error) {
	return lock(filepath.Join(s.volume(name), "lock"))
}

func mounted(dir string) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, dir, unix.AT_SYMLINK_NOFOLLOW, 0, &st)
	return err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// Fill copies what an image has at target into the volume if that is empty,
// with the attributes of the directory itself. root is the image's root
// directory. Nothing, or no directory, at target is no error. A copy that was
// killed is thrown away and made anew by the next Fill.
func (s *Store) Fill(ctx context.Context, name string, root *os.File, target string) error {
	path, err := s.Path(name)
	if err != nil {
		return err
	}
	src, err := inroot.Dir(int(root.Fd()), target)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return failure("fill", name, vzcontract.ErrValidation, "%w", err)
	}
	defer src.Close()
	unlock, err := s.lockVolume(name)
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.fill(ctx, name, path, src); err != nil {
		return failure("fill", name, vzcontract.ErrInternal, "%w", err)
	}
	return nil
}

func (s *Store) fill(ctx context.Context, name, path string, src *os.File) error {
	dst, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dst.Close()
	begun := filepath.Join(s.volume(name), "filling") // while the copy is not whole
	names, err := dst.Readdirnames(-1)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(begun); err == nil {
		for _, entry := range names {
			if err := os.RemoveAll(filepath.Join(path, entry)); err != nil {
				return err
			}
		}
	} else if len(names) > 0 {
		return nil
	}
	if err := os.WriteFile(begun, nil, 0o600); err != nil {
		return err
	}
	if err := treecopy.Copy(ctx, src, dst, treecopy.Options{}); err != nil {
		return err
	}
	return os.Remove(begun)
}

// OpenSubpath opens a path inside the volume with O_PATH, so that nobody can
// put something else in its place. Links are resolved inside the volume, and a
// path that leads up out of it is ErrValidation.
func (s *Store) OpenSubpath(name, subpath string) (*os.File, error) {
	path, err := s.Path(name)
	if err != nil {
		return nil, err
	}
	if !filepath.IsLocal(strings.TrimPrefix(subpath, "/")) {
		return nil, failure("mount", name, vzcontract.ErrValidation, "the subpath %q leads out of it", subpath)
	}
	root, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, failure("mount", name, vzcontract.ErrInternal, "open %s: %w", path, err)
	}
	defer unix.Close(root)
	fd, err := inroot.Resolve(root, subpath, 0)
	if err != nil {
		return nil, failure("mount", name, vzcontract.ErrValidation, "subpath: %w", err)
	}
	return os.NewFile(uintptr(fd), fmt.Sprintf("%s:%s", name, subpath)), nil
}
