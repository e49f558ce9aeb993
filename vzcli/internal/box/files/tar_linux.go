package files

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"vz.internal/vzcli/internal/box/applet"
)

// archive is tar: c, x or t with f FILE, z for gzip, v for names, C DIRECTORY;
// the dash of the first options may be left off. Nothing is extracted outside
// of the directory.
func archive(std *applet.IO, args []string) int {
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		args = append([]string{"-" + args[0]}, args[1:]...)
	}
	opts, names, err := applet.Options("cxtzvf:C:p", args)
	if err != nil {
		return std.Fail(err)
	}
	has := func(c byte) bool { _, ok := opts[c]; return ok }
	t := &tarball{std: std, gzip: has('z'), verbose: has('v'), dir: opts['C'], names: names}
	if t.dir == "" {
		t.dir = "."
	}
	name := opts['f']
	switch {
	case has('c') && len(names) > 0:
		err = t.toFile(name)
	case has('x'):
		err = t.fromFile(name, t.extract)
	case has('t'):
		err = t.fromFile(name, t.list)
	default:
		return std.Usage("c|x|t [zv] [f FILE] [C DIRECTORY] NAME...")
	}
	if err != nil {
		return std.Fail(err)
	}
	return 0
}

type tarball struct {
	std     *applet.IO
	gzip    bool
	verbose bool
	dir     string
	names   []string
}

func (t *tarball) toFile(name string) error {
	if name == "" || name == "-" {
		return t.create(t.std.Out, t.std.Err)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(t.create(f, t.std.Out), f.Close())
}

func (t *tarball) create(out, told io.Writer) error {
	z := io.WriteCloser(nil)
	if t.gzip {
		z = gzip.NewWriter(out)
		out = z
	}
	w := tar.NewWriter(out)
	for _, name := range t.names {
		err := filepath.WalkDir(filepath.Join(t.dir, name), func(p string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if t.verbose {
				fmt.Fprintln(told, p)
			}
			return t.add(w, p)
		})
		if err != nil {
			return err
		}
	}
	err := w.Close()
	if z != nil {
		err = errors.Join(err, z.Close())
	}
	return err
}

func (t *tarball) add(w *tar.Writer, p string) error {
	st, err := os.Lstat(p)
	if err != nil {
		return err
	}
	target := ""
	if st.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(p); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(st, target)
	if err != nil {
		return err
	}
	name, err := filepath.Rel(t.dir, p)
	if err != nil {
		name = p
	}
	h.Name = strings.TrimLeft(name, "/")
	if st.IsDir() {
		h.Name += "/"
	}
	if err := w.WriteHeader(h); err != nil || !st.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

func (t *tarball) fromFile(name string, each func(h *tar.Header, r io.Reader) error) error {
	in := t.std.In
	if name != "" && name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	if t.gzip {
		z, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		in = z
	}
	r := tar.NewReader(in)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if t.wanted(h.Name) {
			if err := each(h, r); err != nil {
				return fmt.Errorf("%s: %w", h.Name, err)
			}
		}
	}
}

func (t *tarball) wanted(name string) bool {
	for _, n := range t.names {
		n = path.Clean(n)
		if c := path.Clean(name); c == n || strings.HasPrefix(c, n+"/") {
			return true
		}
	}
	return len(t.names) == 0
}

func (t *tarball) list(h *tar.Header, _ io.Reader) error {
	_, err := fmt.Fprintln(t.std.Out, h.Name)
	return err
}

func (t *tarball) extract(h *tar.Header, r io.Reader) error {
	if t.verbose {
		fmt.Fprintln(t.std.Out, h.Name)
	}
	root, err := os.OpenRoot(t.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
	if name == "" {
		return nil
	}
	if err := root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return err
	}
	mode := fs.FileMode(h.Mode) & fs.ModePerm
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, mode|0o700)
	case tar.TypeSymlink:
		_ = root.Remove(name) // the link's error tells
		return root.Symlink(h.Linkname, name)
	case tar.TypeLink:
		_ = root.Remove(name) // the link's error tells
		return root.Link(strings.TrimPrefix(path.Clean("/"+h.Linkname), "/"), name)
	case tar.TypeReg:
		_ = root.Remove(name) // no writing through a link
		f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		return root.Chtimes(name, h.ModTime, h.ModTime)
	}
	return fmt.Errorf("type %q is not supported", h.Typeflag)
}
