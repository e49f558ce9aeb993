package vzsandbox

import (
	"archive/tar"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"vz.internal/vzcontract"
)

// copyProject copies a project's files into the workspace.
func (s *Sandbox) copyProject(ctx context.Context, p *Project) error {
	c, err := optional[vzcontract.Copier](s.host, "a copy of the project", vzcontract.FeatureCopy)
	if err != nil {
		return failure("copy project into", s.name, err)
	}
	who, err := s.owner(ctx, c)
	if err != nil {
		return failure("copy project into", s.name, err)
	}
	tree, err := s.host.openProject(p)
	if err != nil {
		return failure("copy project into", s.name, err)
	}
	defer func() { _ = tree.Close() }() // only read
	r, w := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := pack(ctx, tree, w, who)
		_ = w.CloseWithError(err) // always nil
		packed <- err
	}()
	err = c.CopyIn(ctx, s.id, s.Workspace(), r, vzcontract.CopyInOptions{KeepOwner: true})
	_ = r.Close() // always nil; ends the packing if the archive was not read to its end
	if packErr := <-packed; err == nil && packErr != nil {
		err = failure("copy project into", s.name, packErr)
	}
	return err
}

// openProject opens a project through the root of projects, so that no link leads out.
func (h *Host) openProject(p *Project) (*os.Root, error) {
	top, err := filepath.EvalSymlinks(h.opts.Root)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(top, p.Dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // only read
	return root.OpenRoot(rel)
}

// pack writes what is below root as an archive, all owned by who.
func pack(ctx context.Context, root *os.Root, w io.Writer, who owner) error {
	out := tar.NewWriter(w)
	err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if name == "." || !d.Type().IsRegular() && !d.IsDir() && d.Type() != fs.ModeSymlink {
			return nil
		}
		return packFile(root, out, name, who)
	})
	if err != nil {
		return err
	}
	return out.Close()
}

func packFile(root *os.Root, out *tar.Writer, name string, who owner) error {
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	link := ""
	if info.Mode().Type() == fs.ModeSymlink {
		if link, err = root.Readlink(name); err != nil {
			return err
		}
	}
	h := &tar.Header{Name: filepath.ToSlash(name), Linkname: link, Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(), Uid: who.uid, Gid: who.gid}
	switch {
	case info.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		return out.WriteHeader(h)
	case link != "":
		h.Typeflag = tar.TypeSymlink
		return out.WriteHeader(h)
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	if info, err = f.Stat(); err != nil {
		return err
	}
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.CopyN(out, f, h.Size)
	return err
}
