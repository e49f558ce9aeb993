package copytar

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
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

// Extract writes the stream below root and returns how many bytes files have. Nothing is
// written through a link: neither one of the stream nor one that an earlier copy has left.
func Extract(root *os.Root, r io.Reader, opts Options) (int64, error) {
	x := extractor{root: root, opts: opts, dirs: map[string]*tar.Header{".": nil}}
	if opts.From == "/" && opts.To != "." {
		if err := makeDir(root, opts.To, 0o755); err != nil {
			return 0, err
		}
		x.dirs[opts.To] = nil
	}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return x.total, x.finishDirs()
		}
		if err != nil {
			return x.total, fmt.Errorf("read archive: %w", err)
		}
		if err := x.entry(h, t); err != nil {
			return x.total, err
		}
	}
}

// An extractor is one call of Extract.
type extractor struct {
	root  *os.Root
	opts  Options
	total int64
	dirs  map[string]*tar.Header // those that are known to be directories; nil for what the archive has not
	order []string               // of those of the archive
}

// within returns the place of a name, in a directory that is one and no link: archives
// have it before what is in it.
func (x *extractor) within(name string) (string, error) {
	place, err := x.opts.place(name)
	if err != nil {
		return "", err
	}
	if _, known := x.dirs[path.Dir(place)]; !known && place != "." {
		return "", vzcontract.Errorf(vzcontract.ErrDenied, "archive entry %q comes before its directory", name)
	}
	return place, nil
}

func (x *extractor) entry(h *tar.Header, r io.Reader) error {
	name, err := x.within(h.Name)
	if err == nil && h.Typeflag == tar.TypeLink {
		h.Linkname, err = x.within(h.Linkname)
	}
	if err != nil {
		return err
	}
	n, err := extractOne(x.root, name, h, r)
	x.total += n
	if err != nil {
		return err
	}
	if h.Typeflag == tar.TypeDir {
		x.dirs[name] = h
		if name != "." {
			x.order = append(x.order, name)
		}
		return nil
	}
	return finish(x.root, name, h, x.opts)
}

// finishDirs sets times last: writing into directories changes them.
func (x *extractor) finishDirs() error {
	for _, name := range slices.Backward(x.order) {
		if err := finish(x.root, name, x.dirs[name], x.opts); err != nil {
			return err
		}
	}
	return nil
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
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if info, err := root.Lstat(name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		if err := root.Remove(name); err != nil {
			return 0, err
		}
		flags |= os.O_EXCL
	}
	f, err := root.OpenFile(name, flags, mode.Perm()|0o200)
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
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && info.IsDir():
		return vzcontract.Errorf(vzcontract.ErrConflict, "copy link %s: a directory of this name is in the way", name)
	case err != nil:
		return err
	}
	return root.Remove(name)
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
	keep := fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	if h.Typeflag == tar.TypeReg && !opts.KeepOwner {
		// Who could run programs of its own as one user of the container must not get
		// programs that run as the one who copies.
		keep &^= fs.ModeSetuid | fs.ModeSetgid
	}
	if err := root.Chmod(name, h.FileInfo().Mode()&keep); err != nil {
		return err
	}
	accessed := h.AccessTime
	if accessed.IsZero() {
		accessed = time.Now()
	}
	return root.Chtimes(name, accessed, h.ModTime)
}
