package rootview

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/inroot"
)

// MakeDir makes the directory dir with the mode, and what is missing above it with
// 0755, all root's. What leads to a directory stays as it is.
func MakeDir(root *os.File, dir string, mode uint32) error {
	if mode&^0o7777 != 0 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%s: mode %#o has more than the bits of chmod", vzcontract.ShownPath(dir), mode)
	}
	if err := makeDir(int(root.Fd()), strings.TrimRight(dir, "/"), mode); err != nil {
		return classify(dir, err)
	}
	return nil
}

func makeDir(root int, dir string, mode uint32) error {
	fd, err := inroot.Resolve(root, dir, unix.O_DIRECTORY)
	if err == nil {
		return unix.Close(fd)
	}
	at := strings.LastIndexByte(dir, '/')
	base := dir[at+1:]
	if !errors.Is(err, fs.ErrNotExist) || base == "" {
		return err
	}
	above := strings.TrimRight(dir[:max(at, 0)], "/")
	if base == "." {
		return makeDir(root, above, mode)
	}
	if err := makeDir(root, above, 0o755); err != nil || base == ".." {
		return err
	}
	parent, err := inroot.Resolve(root, above, unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	return makeDirAt(parent, base, mode)
}

func makeDirAt(parent int, base string, mode uint32) error {
	err := unix.Mkdirat(parent, base, 0o700)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	fd, opened := unix.Openat(parent, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if opened != nil {
		return opened // ENOTDIR: a link that leads nowhere
	}
	defer unix.Close(fd)
	if err != nil {
		return nil // another has just made it
	}
	if err := unix.Fchown(fd, 0, 0); err != nil {
		return err
	}
	return unix.Fchmod(fd, mode)
}

// A named is a name in a directory that is open.
type named struct {
	dir  int
	name string
	mode uint32 // its type; 0 if nothing is there
	// slash: the path said that it is a directory.
	slash bool
}

// openEntry finds what a path that passes vzcontract.CheckEntryPath leads to, without
// following a link at its end. The caller closes dir.
func openEntry(root *os.File, name string) (named, error) {
	trimmed := strings.TrimRight(name, "/")
	above, base := path.Split(trimmed)
	e := named{name: base, slash: trimmed != name}
	var err error
	if e.dir, err = inroot.Resolve(int(root.Fd()), above, unix.O_DIRECTORY); err != nil {
		return e, classify(name, err)
	}
	var st unix.Stat_t
	err = unix.Fstatat(e.dir, base, &st, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT)
	switch e.mode = st.Mode & unix.S_IFMT; {
	case err == nil && e.slash && !e.isDir():
		err = unix.ENOTDIR
	case errors.Is(err, unix.ENOENT):
		return e, nil
	}
	if err != nil {
		_ = unix.Close(e.dir) // only a name
		return e, classify(name, err)
	}
	return e, nil
}

func (e named) isDir() bool { return e.mode == unix.S_IFDIR }

// Move renames from to to, in one step.
func Move(root *os.File, from, to string) error {
	source, err := openEntry(root, from)
	if err != nil {
		return err
	}
	defer unix.Close(source.dir)
	if source.mode == 0 {
		return classify(from, unix.ENOENT)
	}
	target, err := openEntry(root, to)
	if err != nil {
		return err
	}
	defer unix.Close(target.dir)
	if target.slash && !source.isDir() {
		return classify(to, unix.ENOTDIR)
	}
	err = unix.Renameat(source.dir, source.name, target.dir, target.name)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EBUSY):
		err = errMounted
	case errors.Is(err, unix.EXDEV):
		return vzcontract.Errorf(vzcontract.ErrUnsupported,
			"%s cannot become %s in one step, being on another file system or a directory of the image: copy it and remove the original",
			vzcontract.ShownPath(from), vzcontract.ShownPath(to))
	}
	return classify(from+" to "+to, err)
}
