package provision

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// A Writer writes trees.
type Writer struct {
	// Chown gives a file to its owner; nil asks the system, which lets only root.
	Chown func(f *os.File, uid, gid int) error
}

// Write puts the tree into the volume that is mounted at root. Directories that are there
// stay as they are, files are replaced at once and wholly. No link of the volume is
// followed: one in a place of the tree is an error that matches vzcontract.ErrDenied. A
// volume that lacks what each macOS has is one that matches vzcontract.ErrConflict.
func (t Tree) Write(ctx context.Context, root string, w Writer) error {
	if err := t.check(); err != nil {
		return err
	}
	if w.Chown == nil {
		w.Chown = chown
	}
	top, err := unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: root, Err: err}
	}
	v := &volume{Writer: w, root: os.NewFile(uintptr(top), root)}
	defer v.root.Close()
	for _, e := range t { // before the first change
		if e.Needed {
			if err := v.look(e.Path); err != nil {
				return err
			}
		}
	}
	for _, e := range t {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := v.write(e); err != nil {
			return err
		}
	}
	return nil
}

// chown gives a file to its owner, and makes sure that the volume has noted it: macOS
// mounts volumes so that it does not.
func chown(f *os.File, uid, gid int) error {
	if err := f.Chown(uid, gid); err != nil {
		return err
	}
	var s unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &s); err != nil {
		return err
	}
	if int(s.Uid) != uid || int(s.Gid) != gid {
		return fmt.Errorf("it belongs to %d:%d afterwards: the volume is mounted so that owners do not count", s.Uid, s.Gid)
	}
	return nil
}

type volume struct {
	Writer
	root *os.File
}

// open opens the directory at a path, one component after the other.
func (v *volume) open(name string) (*os.File, error) {
	at := v.root
	for i, part := range strings.Split(name, "/") {
		if name == "." {
			part = "."
		}
		fd, err := unix.Openat(int(at.Fd()), part, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if i > 0 {
			_ = at.Close()
		}
		if err != nil {
			return nil, v.explain("open", name, err)
		}
		at = os.NewFile(uintptr(fd), path.Join(v.root.Name(), name))
	}
	return at, nil
}

// explain words an error of a path below the volume.
func (v *volume) explain(op, name string, err error) error {
	full := path.Join(v.root.Name(), name)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOTDIR) {
		return vzcontract.Errorf(vzcontract.ErrDenied, "%s is, or is below, a link or something else that is not expected there; nothing is written through it", full)
	}
	return &os.PathError{Op: op, Path: full, Err: err}
}

// look fails unless the directory is there.
func (v *volume) look(name string) error {
	f, err := v.open(name)
	if errors.Is(err, unix.ENOENT) {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the volume at %s has no /%s: it is not the data volume of an installed macOS, or the guest has to be started and stopped once before it is provisioned", v.root.Name(), name)
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func (v *volume) write(e Entry) error {
	parent, err := v.open(path.Dir(e.Path))
	if err != nil {
		return err
	}
	defer parent.Close()
	if e.Dir() {
		return v.mkdir(parent, e)
	}
	return v.put(parent, e)
}

func (v *volume) mkdir(parent *os.File, e Entry) error {
	err := unix.Mkdirat(int(parent.Fd()), path.Base(e.Path), 0o700)
	if errors.Is(err, unix.EEXIST) {
		f, err := v.open(e.Path)
		if err != nil {
			return err
		}
		return f.Close()
	}
	if err != nil {
		return v.explain("mkdir", e.Path, err)
	}
	f, err := v.open(e.Path)
	if err != nil {
		return err
	}
	return errors.Join(v.own(f, e), f.Close())
}

func (v *volume) own(f *os.File, e Entry) error {
	if err := v.Chown(f, e.UID, e.GID); err != nil {
		return fmt.Errorf("give %s to %d:%d: %w; provisioning needs root (sudo)", f.Name(), e.UID, e.GID, err)
	}
	return f.Chmod(e.Mode.Perm()) // after chown, which clears bits
}

// put writes a file under another name and renames it.
func (v *volume) put(parent *os.File, e Entry) error {
	name, fd := path.Base(e.Path), int(parent.Fd())
	var there unix.Stat_t
	err := unix.Fstatat(fd, name, &there, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil && there.Mode&unix.S_IFMT != unix.S_IFREG {
		err = unix.ELOOP
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return v.explain("open", e.Path, err)
	}
	next := ".vz-" + rand.Text()
	out, err := unix.Openat(fd, next, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return v.explain("create", e.Path, err)
	}
	f := os.NewFile(uintptr(out), path.Join(v.root.Name(), e.Path))
	_, err = f.Write(e.Content)
	if err == nil {
		err = errors.Join(v.own(f, e), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = unix.Renameat(fd, next, fd, name)
	}
	if err != nil {
		_ = unix.Unlinkat(fd, next, 0)
		return v.explain("write", e.Path, err)
	}
	return nil
}
