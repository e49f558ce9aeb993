package copytar

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"vz.internal/vzcontract"
)

// Options of Extract and Rename.
type Options struct {
	// From is the name of the archive's first entry, or "/" for an archive of a
	// root, which has none; To is what takes its place. To "." unpacks the
	// directory's contents alone.
	From, To string
	// KeepOwner gives files the archive's numeric owners.
	KeepOwner bool
}

// Extract writes the stream below root and returns how many bytes files have.
func Extract(root *os.Root, r io.Reader, opts Options) (int64, error) {
	var total int64
	type stamped struct {
		name string
		h    *tar.Header
	}
	var dirs []stamped
	if opts.From == "/" && opts.To != "." {
		if err := makeDir(root, opts.To, 0o755); err != nil {
			return 0, err
		}
	}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return total, fmt.Errorf("read archive: %w", err)
		}
		name, err := opts.place(h.Name)
		if err != nil {
			return total, err
		}
		if h.Typeflag == tar.TypeLink {
			if h.Linkname, err = opts.place(h.Linkname); err != nil {
				return total, err
			}
		}
		n, err := extractOne(root, name, h, t)
		total += n
		if err != nil {
			return total, err
		}
		if h.Typeflag == tar.TypeDir {
			if name != "." {
				dirs = append(dirs, stamped{name, h})
			}
			continue
		}
		if err := finish(root, name, h, opts); err != nil {
			return total, err
		}
	}
	for i := len(dirs) - 1; i >= 0; i-- { // times last: writing into them changes them
		if err := finish(root, dirs[i].name, dirs[i].h, opts); err != nil {
			return total, err
		}
	}
	return total, nil
}

// place maps a name of the archive to one below the root.
func (o Options) place(name string) (string, error) {
	clean := path.Clean("/" + name)[1:]
	rest, inside := "", clean == o.From
	if !inside {
		rest, inside = strings.CutPrefix(clean, o.From+"/")
	}
	if o.From == "/" || o.From == "." {
		rest, inside = clean, true
	}
	if !inside {
		return "", vzcontract.Errorf(vzcontract.ErrDenied, "archive entry %q lies outside %q", name, o.From)
	}
	return path.Join(o.To, rest), nil
}

func extractOne(root *os.Root, name string, h *tar.Header, r io.Reader) (int64, error) {
	mode := h.FileInfo().Mode()
	switch h.Typeflag {
	case tar.TypeDir:
		return 0, makeDir(root, name, mode)
	case tar.TypeReg:
		return makeFile(root, name, mode, r)
	case tar.TypeSymlink, tar.TypeLink:
		if err := clear(root, name); err != nil {
			return 0, err
		}
		if h.Typeflag == tar.TypeSymlink {
			return 0, root.Symlink(h.Linkname, name)
		}
		return 0, root.Link(h.Linkname, name)
	case tar.TypeXGlobalHeader:
		return 0, nil
	}
	return 0, vzcontract.Errorf(vzcontract.ErrUnsupported, "copy %s: devices and fifos of a container are not made on the host", name)
}

func makeDir(root *os.Root, name string, mode fs.FileMode) error {
	info, err := root.Lstat(name)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return vzcontract.Errorf(vzcontract.ErrConflict, "copy directory %s: a file of this name is in the way", name)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return root.Mkdir(name, mode.Perm()|0o700) // its own mode comes with its times
}

func makeFile(root *os.Root, name string, mode fs.FileMode, r io.Reader) (int64, error) {
	// A link at the very end is followed, as docker does, but never out of root.
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode.Perm()|0o200)
	if errors.Is(err, syscall.EISDIR) {
		return 0, vzcontract.Errorf(vzcontract.ErrConflict, "copy %s: a directory of this name is in the way", name)
	}
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return 0, fmt.Errorf("copy %s: %w", name, failed.Err)
	}
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, r)
	return n, errors.Join(err, f.Close())
}

// clear makes room for a link.
func clear(root *os.Root, name string) error {
	err := root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// finish sets owner, mode and times.
func finish(root *os.Root, name string, h *tar.Header, opts Options) error {
	if opts.KeepOwner && h.Typeflag != tar.TypeLink {
		if err := root.Lchown(name, h.Uid, h.Gid); err != nil {
			return err
		}
	}
	if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeDir {
		return nil
	}
	mode := h.FileInfo().Mode()
	if err := root.Chmod(name, mode&(fs.ModePerm|fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky)); err != nil {
		return err
	}
	accessed := h.AccessTime
	if accessed.IsZero() {
		accessed = time.Now()
	}
	return root.Chtimes(name, accessed, h.ModTime)
}
