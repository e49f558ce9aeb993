package rootview

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/inroot"
)

// In unpacks an archive into the directory dir, which must exist. A file that
// is there is replaced as a whole or, where something is mounted on it, written
// to; a link is replaced, not followed. Directories that are there stay as they
// are, also those behind a link. A directory in place of a file, or the other
// way round, is ErrValidation, and so are damaged archives and names that lead
// up. Devices and pipes are ErrUnsupported.
func In(ctx context.Context, root *os.File, dir string, archive io.Reader, o vzcontract.CopyInOptions) error {
	at, err := inroot.Resolve(int(root.Fd()), dir, unix.O_DIRECTORY)
	if err != nil {
		return classify(dir, err)
	}
	_ = unix.Close(at) // only to see that it is there
	u := unpacker{root: int(root.Fd()), dir: dir, CopyInOptions: o, parent: -1}
	defer u.leave()
	in := tar.NewReader(archive)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return u.finish()
		}
		if err != nil {
			return vzcontract.Errorf(vzcontract.ErrValidation, "read archive: %w", err)
		}
		if err := u.entry(h, contents{ctx, in}); err != nil {
			return err
		}
	}
}

// contents is a file of the archive being read.
type contents struct {
	ctx context.Context //nolint:containedctx // one call's
	in  io.Reader
}

var errArchive = errors.New("read archive")

func (c contents) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.in.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = vzcontract.Errorf(vzcontract.ErrValidation, "%w: %w", errArchive, err)
	}
	return n, err
}

type unpacker struct {
	vzcontract.CopyInOptions
	root int
	dir  string

	parent     int // the directory of the entry before, -1 for none
	parentName string
	made       []*tar.Header // directories that get their times at the end
}

func (u *unpacker) leave() {
	if u.parent >= 0 {
		_ = unix.Close(u.parent) // only a name
		u.parent = -1
	}
}

// local returns a name of the archive as one below the directory.
func local(name string) (string, error) {
	if strings.Contains("/"+name+"/", "/../") || strings.ContainsRune(name, 0) {
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "the archive's %q leads out of the directory", name)
	}
	return strings.TrimPrefix(path.Clean("/"+name), "/"), nil
}

// at returns name's place in the container.
func (u *unpacker) at(name string) string { return u.dir + "/" + name }

// enter opens the directory called name below the destination, making it where
// it is missing. It stays open until the next call.
func (u *unpacker) enter(name string) (int, error) {
	if u.parent >= 0 && u.parentName == name {
		return u.parent, nil
	}
	u.leave()
	fd, err := inroot.Resolve(u.root, u.at(name), unix.O_DIRECTORY)
	if errors.Is(err, fs.ErrNotExist) && name != "" {
		var above int
		if above, err = u.enter(parentOf(name)); err == nil {
			if err = unix.Mkdirat(above, path.Base(name), 0o755); err == nil || errors.Is(err, unix.EEXIST) {
				fd, err = inroot.Resolve(u.root, u.at(name), unix.O_DIRECTORY)
			}
		}
		u.leave()
	}
	if err != nil {
		return -1, err
	}
	u.parent, u.parentName = fd, name
	return fd, nil
}

func parentOf(name string) string {
	if dir := path.Dir(name); dir != "." {
		return dir
	}
	return ""
}

func (u *unpacker) entry(h *tar.Header, in contents) error {
	name, err := local(h.Name)
	if err != nil || name == "" {
		return err
	}
	switch h.Typeflag {
	case tar.TypeXGlobalHeader:
		return nil
	case tar.TypeDir, tar.TypeReg, tar.TypeGNUSparse, tar.TypeSymlink, tar.TypeLink:
	default:
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: entries of type %q are not copied", h.Name, h.Typeflag)
	}
	if h.Uid < 0 || h.Gid < 0 || int64(h.Uid) >= 1<<32-1 || int64(h.Gid) >= 1<<32-1 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "the archive's %s belongs to %d:%d, which cannot be", h.Name, h.Uid, h.Gid)
	}
	if err := u.put(h, name, in); err != nil {
		if errors.Is(err, errArchive) || in.ctx.Err() != nil {
			return fmt.Errorf("%s: %w", u.at(name), err)
		}
		return classify(path.Clean(u.at(name)), err)
	}
	return nil
}

func (u *unpacker) put(h *tar.Header, name string, in contents) error {
	parent, err := u.enter(parentOf(name))
	if err != nil {
		return err
	}
	base := path.Base(name)
	if h.Typeflag == tar.TypeDir {
		return u.mkdir(parent, base, h, name)
	}
	var old unix.Stat_t
	if unix.Fstatat(parent, base, &old, unix.AT_SYMLINK_NOFOLLOW) == nil && old.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.EISDIR
	}
	temporary := temporaryName()
	switch h.Typeflag {
	case tar.TypeSymlink:
		if err = unix.Symlinkat(h.Linkname, parent, temporary); err == nil && u.KeepOwner {
			err = unix.Fchownat(parent, temporary, h.Uid, h.Gid, unix.AT_SYMLINK_NOFOLLOW)
		}
	case tar.TypeLink:
		// Another directory is entered, so this one must be open by itself.
		if parent, err = unix.FcntlInt(uintptr(parent), unix.F_DUPFD_CLOEXEC, 0); err == nil {
			defer unix.Close(parent)
			err = u.link(parent, temporary, h)
		}
	default:
		err = u.file(parent, base, temporary, h, in)
	}
	if err == nil && h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeGNUSparse {
		err = unix.Renameat(parent, temporary, parent, base)
	}
	// It has gone if all went well; two names of one file it does not rename.
	_ = unix.Unlinkat(parent, temporary, 0)
	return err
}

func (u *unpacker) link(parent int, temporary string, h *tar.Header) error {
	target, err := local(h.Linkname)
	if err != nil {
		return err
	}
	from, err := inroot.Resolve(u.root, u.at(parentOf(target)), unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(from)
	return unix.Linkat(from, path.Base(target), parent, temporary, 0)
}

func (u *unpacker) mkdir(parent int, base string, h *tar.Header, name string) error {
	err := unix.Mkdirat(parent, base, 0o700)
	if errors.Is(err, unix.EEXIST) {
		_, err = u.enter(name) // through a link too
		return err
	}
	if err != nil {
		return err
	}
	fd, err := unix.Openat(parent, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	u.made = append(u.made, h)
	return u.attributes(fd, h)
}
