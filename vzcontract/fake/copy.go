package fake

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/tree"
)

// files runs f with the tree that the container's processes see.
func (b *Backend) files(ctx context.Context, op, ref string, f func(c *container, view *tree.View) error) error {
	return b.change(ctx, op, ref, func(c *container) error {
		if r := b.runs[c.Info.ID]; r != nil {
			return f(c, r.kernel.FS)
		}
		view, r, err := b.view(c)
		if err != nil {
			return failure(op, c, classOf(err), "%w", err)
		}
		defer func() {
			for _, closer := range r.closers {
				_ = closer() // of directories only looked at
			}
		}()
		return f(c, view)
	})
}

func fileError(op string, c *container, name string, err error) error {
	class := vzcontract.ErrValidation
	if errors.Is(err, fs.ErrNotExist) {
		class = vzcontract.ErrNotFound
	}
	return failure(op, c, class, "%s: %s", name, tree.Errno(err))
}

// CopyIn implements vzcontract.Copier.
func (b *Backend) CopyIn(ctx context.Context, ref, dir string, in io.Reader, opts vzcontract.CopyInOptions) error {
	data, err := io.ReadAll(in)
	if err != nil {
		return vzcontract.Errorf(vzcontract.ErrValidation, "copy: read archive: %w", err)
	}
	return b.files(ctx, "copy to", ref, func(c *container, view *tree.View) error {
		at, err := view.Stat(dir)
		switch {
		case err != nil:
			return fileError("copy to", c, dir, err)
		case !at.Mode.IsDir():
			return failure("copy to", c, vzcontract.ErrValidation, "%s is not a directory", dir)
		}
		defer b.touch()
		return unpack(c, view, dir, data, opts)
	})
}

func unpack(c *container, view *tree.View, dir string, data []byte, opts vzcontract.CopyInOptions) error {
	archive := tar.NewReader(strings.NewReader(string(data)))
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return failure("copy to", c, vzcontract.ErrValidation, "read archive: %w", err)
		}
		name := path.Clean("/" + h.Name)
		if strings.Contains("/"+h.Name+"/", "/../") {
			return failure("copy to", c, vzcontract.ErrValidation, "the archive's %q leads out of the directory", h.Name)
		}
		n := tree.Node{Mode: h.FileInfo().Mode(), ModTime: h.ModTime}
		if opts.KeepOwner {
			n.UID, n.GID = uint32(h.Uid), uint32(h.Gid)
		}
		to := path.Join("/", dir, name)
		switch h.Typeflag {
		case tar.TypeDir:
			err = makeDir(view, to, n)
		case tar.TypeSymlink:
			n.Mode, n.Link = fs.ModeSymlink|0o777, h.Linkname
			err = replace(view, to, n)
		case tar.TypeReg:
			if n.Data, err = io.ReadAll(archive); err != nil {
				return failure("copy to", c, vzcontract.ErrValidation, "read archive: %w", err)
			}
			err = replace(view, to, n)
		case tar.TypeLink:
			var old tree.Node
			if old, err = view.Lstat(path.Join("/", dir, path.Clean("/"+h.Linkname))); err == nil {
				err = replace(view, to, old)
			}
		default:
			return failure("copy to", c, vzcontract.ErrUnsupported, "%s: entries of type %q are not copied", h.Name, h.Typeflag)
		}
		if err != nil {
			return fileError("copy to", c, to, err)
		}
	}
}

// makeDir makes a directory with an owner; one that is there stays as it is.
func makeDir(view *tree.View, to string, n tree.Node) error {
	if _, err := view.Stat(to); err == nil {
		return view.MkdirAll(to, n.Mode.Perm())
	}
	if err := view.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	return view.Put(to, n)
}

// replace puts a file or link at to, in place of a link that is there.
func replace(view *tree.View, to string, n tree.Node) error {
	if err := view.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	if old, err := view.Lstat(to); err == nil && old.Mode&fs.ModeSymlink != 0 {
		if err := view.Remove(to); err != nil {
			return err
		}
	}
	return view.Put(to, n)
}

// CopyOut implements vzcontract.Copier.
func (b *Backend) CopyOut(ctx context.Context, ref, name string) (io.ReadCloser, vzcontract.PathStat, error) {
	var out strings.Builder
	var stat vzcontract.PathStat
	err := b.files(ctx, "copy from", ref, func(c *container, view *tree.View) error {
		at, err := lookup(view, name)
		if err != nil {
			return fileError("copy from", c, name, err)
		}
		n, err := view.Lstat(at)
		if err != nil {
			return fileError("copy from", c, name, err)
		}
		stat = pathStat(name, n)
		return writeTree(&out, view, at, path.Base(path.Clean("/"+name)))
	})
	if err != nil {
		return nil, stat, err
	}
	return io.NopCloser(strings.NewReader(out.String())), stat, nil
}

// lookup resolves all but the last element, and that too when the name ends
// with a slash.
func lookup(view *tree.View, name string) (string, error) {
	return view.Resolve(name, tree.Follow(strings.HasSuffix(name, "/") || strings.HasSuffix(name, "/.")))
}

func pathStat(name string, n tree.Node) vzcontract.PathStat {
	return vzcontract.PathStat{
		Name: path.Base(path.Clean("/" + name)), Size: int64(len(n.Data)), Mode: uint32(n.Mode), ModTime: n.ModTime, LinkTarget: n.Link,
	}
}

// writeTree writes the tree at root as an archive whose first entry is base.
func writeTree(w io.Writer, view *tree.View, root, base string) error {
	archive := tar.NewWriter(w)
	err := view.Walk(root, func(p string, n tree.Node) error {
		name := strings.TrimPrefix(path.Join(base, strings.TrimPrefix(p, root)), "/")
		if n.Mode&fs.ModeDevice != 0 || name == "" {
			return nil
		}
		h := &tar.Header{
			Name: name, Mode: int64(n.Mode.Perm()), Uid: int(n.UID), Gid: int(n.GID), ModTime: n.ModTime,
			Typeflag: tar.TypeReg, Size: int64(len(n.Data)),
		}
		switch {
		case n.Mode.IsDir():
			h.Typeflag, h.Size, h.Name = tar.TypeDir, 0, name+"/"
		case n.Mode&fs.ModeSymlink != 0:
			h.Typeflag, h.Size, h.Linkname = tar.TypeSymlink, 0, n.Link
		}
		if err := archive.WriteHeader(h); err != nil {
			return err
		}
		_, err := archive.Write(n.Data)
		return err
	})
	if err != nil {
		return err
	}
	return archive.Close()
}

// StatPath implements vzcontract.Copier.
func (b *Backend) StatPath(ctx context.Context, ref, name string) (stat vzcontract.PathStat, err error) {
	err = b.files(ctx, "stat", ref, func(c *container, view *tree.View) error {
		at, err := lookup(view, name)
		if err != nil {
			return fileError("stat", c, name, err)
		}
		n, err := view.Lstat(at)
		if err != nil {
			return fileError("stat", c, name, err)
		}
		stat = pathStat(name, n)
		return nil
	})
	return stat, err
}

// Export implements vzcontract.Committer.
func (b *Backend) Export(ctx context.Context, ref string, w io.Writer) error {
	return b.change(ctx, "export", ref, func(c *container) error {
		view := tree.NewView(tree.Mount{Target: "/", FS: c.Root})
		if err := writeTree(w, view, "/", ""); err != nil {
			return failure("export", c, vzcontract.ErrUnavailable, "write archive: %w", err)
		}
		b.event("container", "export", c, nil)
		return nil
	})
}
