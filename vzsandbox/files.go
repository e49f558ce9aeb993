package vzsandbox

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"time"

	"vz.internal/vzcontract"
)

// MaxReadFile is the size of the largest file, in bytes, that ReadFile returns.
const MaxReadFile = 64 << 20

// path makes a path of a caller absolute: it is so already or relative to the workspace.
func (s *Sandbox) path(name string) string {
	if path.IsAbs(name) {
		return name // a slash at the end has a meaning
	}
	return s.Workspace() + "/" + name
}

// entry is path for what is removed or moved: nothing stays nothing, which the backend
// refuses, and does not become the workspace with all in it.
func (s *Sandbox) entry(name string) string {
	if name == "" {
		return ""
	}
	return s.path(name)
}

// copier returns the backend's, with the sandbox in use until done.
func (s *Sandbox) copier(ctx context.Context, op string) (c vzcontract.Copier, done func(), err error) {
	c, err = optional[vzcontract.Copier](s.host, "files", vzcontract.FeatureCopy)
	if err != nil {
		return nil, nil, failure(op, s.name, err)
	}
	done, err = s.use(ctx)
	return c, done, err
}

// Stat tells what a path is; a link at its end is not followed. All paths are inside the
// sandbox, absolute or relative to the workspace. Nothing there is ErrNotFound.
func (s *Sandbox) Stat(ctx context.Context, name string) (vzcontract.PathStat, error) {
	c, done, err := s.copier(ctx, "stat file of")
	if err != nil {
		return vzcontract.PathStat{}, err
	}
	defer done()
	return c.StatPath(ctx, s.id, s.path(name))
}

// maxLinks is how many links at the end of a path are followed, as by Linux.
const maxLinks = 40

// follow returns the path of what name is once links at its end are resolved, and
// whether something is there.
func (s *Sandbox) follow(ctx context.Context, c vzcontract.Copier, name string) (at string, err error) {
	at = s.path(name)
	for range maxLinks {
		st, err := c.StatPath(ctx, s.id, at)
		if err != nil || fs.FileMode(st.Mode)&fs.ModeSymlink == 0 {
			return at, err
		}
		if path.IsAbs(st.LinkTarget) {
			at = st.LinkTarget
		} else {
			dir, _ := path.Split(at)
			at = dir + st.LinkTarget // not cleaned: the directory may be a link
		}
	}
	return at, invalid("%s: too many links", name)
}

// ReadFile returns a regular file's contents; links are followed. A file of more than
// MaxReadFile is ErrValidation: use Download.
func (s *Sandbox) ReadFile(ctx context.Context, name string) ([]byte, error) {
	c, done, err := s.copier(ctx, "read file of")
	if err != nil {
		return nil, err
	}
	defer done()
	return s.read(ctx, c, name, MaxReadFile)
}

// read returns the contents of a file of at most limit bytes.
func (s *Sandbox) read(ctx context.Context, c vzcontract.Copier, name string, limit int64) ([]byte, error) {
	at, err := s.follow(ctx, c, name)
	if err != nil {
		return nil, err
	}
	archive, _, err := c.CopyOut(ctx, s.id, at)
	if err != nil {
		return nil, err
	}
	data, err := onlyFile(archive, name, limit)
	_ = archive.Close() // read far enough
	return data, failure("read file of", s.name, err)
}

// onlyFile returns the contents of an archive that is one file.
func onlyFile(archive io.Reader, name string, limit int64) ([]byte, error) {
	in := tar.NewReader(archive)
	h, err := in.Next()
	switch {
	case errors.Is(err, io.EOF): // a device or pipe, which archives leave out
		return nil, invalid("%s is not a regular file", name)
	case err != nil:
		return nil, err
	case h.Typeflag != tar.TypeReg:
		return nil, invalid("%s is not a regular file", name)
	case h.Size > limit:
		return nil, invalid("%s has %d bytes, more than %d: use Download", name, h.Size, limit)
	}
	data := make([]byte, h.Size)
	_, err = io.ReadFull(in, data)
	return data, err
}

// WriteFile makes a file or puts another in its place, as a whole; links to one are
// followed. mode has permission bits. Its directory must exist. It belongs to the user
// of the template.
func (s *Sandbox) WriteFile(ctx context.Context, name string, data []byte, mode fs.FileMode) error {
	c, done, err := s.copier(ctx, "write file of")
	if err != nil {
		return err
	}
	defer done()
	at, err := s.follow(ctx, c, name)
	if err != nil && vzcontract.CodeOf(err) != vzcontract.CodeNotFound {
		return err
	}
	dir, base := path.Split(at)
	if base == "" || base == "." || base == ".." {
		return failure("write file of", s.name, invalid("%q names no file", name))
	}
	who, err := s.owner(ctx, c)
	if err != nil {
		return failure("write file of", s.name, err)
	}
	var archive bytes.Buffer
	out := tar.NewWriter(&archive)
	h := &tar.Header{
		Typeflag: tar.TypeReg, Name: base, Size: int64(len(data)), Mode: int64(mode.Perm()), ModTime: time.Now(), Uid: who.uid, Gid: who.gid,
	}
	if err := out.WriteHeader(h); err != nil {
		return failure("write file of", s.name, err)
	}
	_, _ = out.Write(data) // into memory
	_ = out.Close()
	return c.CopyIn(ctx, s.id, dir, &archive, vzcontract.CopyInOptions{KeepOwner: true})
}

// Upload unpacks a tar stream into a directory, which must exist. Root owns what comes
// of it, unless opts.KeepOwner.
func (s *Sandbox) Upload(ctx context.Context, dir string, archive io.Reader, opts vzcontract.CopyInOptions) error {
	c, done, err := s.copier(ctx, "upload into")
	if err != nil {
		return err
	}
	defer done()
	return c.CopyIn(ctx, s.id, s.path(dir), archive, opts)
}

// Download returns a tar stream of a path, whose base name is the first entry. The
// caller closes it.
func (s *Sandbox) Download(ctx context.Context, name string) (io.ReadCloser, error) {
	c, done, err := s.copier(ctx, "download from")
	if err != nil {
		return nil, err
	}
	archive, _, err := c.CopyOut(ctx, s.id, s.path(name))
	if err != nil {
		done()
		return nil, err
	}
	return &download{archive, done}, nil
}

// A download is a use of the sandbox until it is closed.
type download struct {
	io.ReadCloser
	done func()
}

func (d *download) Close() error {
	err := d.ReadCloser.Close()
	if d.done != nil {
		d.done()
		d.done = nil
	}
	return err
}
