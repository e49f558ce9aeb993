package file

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Unpack writes the tar stream r below the directory dir, which is made if
// missing. Nothing outside of dir is touched, whatever names and links the stream
// has. Directories get their times and modes last.
func Unpack(ctx context.Context, r io.Reader, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	u := unpacker{root: root, times: map[string]*tar.Header{}}
	archive := tar.NewReader(r)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := u.entry(archive, h); err != nil {
			return fmt.Errorf("unpack %q: %w", h.Name, err)
		}
	}
	if _, err := io.Copy(io.Discard, r); err != nil { // padding after the end
		return err
	}
	for name, h := range u.times {
		if err := u.finish(name, h); err != nil {
			return fmt.Errorf("unpack %q: %w", h.Name, err)
		}
	}
	return nil
}

type unpacker struct {
	root  *os.Root
	times map[string]*tar.Header // directories
}

func (u *unpacker) entry(r io.Reader, h *tar.Header) error {
	name := path.Clean("/" + h.Name)[1:]
	if name == "" {
		name = "."
	}
	if name != "." {
		if err := u.root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := u.clear(name, h); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if err := u.root.MkdirAll(name, 0o755); err != nil {
			return err
		}
		u.times[name] = h
		return nil
	case tar.TypeReg:
		if err := u.file(name, r); err != nil {
			return err
		}
	case tar.TypeSymlink:
		if err := u.root.Symlink(h.Linkname, name); err != nil {
			return err
		}
	case tar.TypeLink:
		return u.root.Link(path.Clean("/" + h.Linkname)[1:], name)
	case tar.TypeFifo, tar.TypeChar, tar.TypeBlock:
		if err := mknod(u.root, name, h); err != nil {
			return err
		}
	default:
		return fmt.Errorf("entries of type %q are not known", h.Typeflag)
	}
	return u.finish(name, h)
}

// clear removes what is in the way of an entry; a directory stays for a directory.
func (u *unpacker) clear(name string, h *tar.Header) error {
	info, err := u.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.IsDir() && h.Typeflag == tar.TypeDir {
		return err
	}
	return u.root.RemoveAll(name)
}

func (u *unpacker) file(name string, r io.Reader) error {
	f, err := u.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// finish sets owner, attributes, mode and times, in the order in which one does
// not undo another.
func (u *unpacker) finish(name string, h *tar.Header) error {
	if err := u.root.Lchown(name, h.Uid, h.Gid); err != nil {
		return err
	}
	for key, value := range h.PAXRecords {
		if attr, ok := strings.CutPrefix(key, xattrPrefix); ok {
			if err := setXattr(u.root, name, attr, value); err != nil {
				return fmt.Errorf("set %s: %w", attr, err)
			}
		}
	}
	if h.Typeflag == tar.TypeSymlink {
		return nil
	}
	if err := u.root.Chmod(name, unixMode(uint32(h.Mode))); err != nil {
		return err
	}
	access := h.AccessTime
	if access.IsZero() {
		access = h.ModTime
	}
	if access.Before(time.Unix(0, 0)) {
		access = time.Unix(0, 0)
	}
	return u.root.Chtimes(name, access, h.ModTime)
}
