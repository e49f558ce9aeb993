package layer

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/inroot"
	"vz.internal/vzlinuxnative/internal/pack"
)

// whiteout is what the names of marks in a layer's archive begin with.
const whiteout = ".wh."

// Tar writes what Diff tells as an OCI layer: added and changed files whole,
// deleted ones as whiteouts. Sockets are left out. A file whose own name begins
// with ".wh." cannot be in a layer and is ErrUnsupported.
func Tar(ctx context.Context, s Source, w io.Writer) error {
	changes, err := Diff(ctx, s)
	if err != nil {
		return err
	}
	p := pack.New(w, pack.Options{Devices: true})
	if len(changes) > 0 {
		root, err := openDir(unix.AT_FDCWD, s.Dir)
		if err != nil {
			return fmt.Errorf("write layer: %w", err)
		}
		defer root.Close()
		for _, c := range changes {
			if err := put(ctx, p, root, c); err != nil {
				return fmt.Errorf("write layer: %w", err)
			}
		}
	}
	if err := p.Close(); err != nil {
		return fmt.Errorf("write layer: %w", err)
	}
	return nil
}

func put(ctx context.Context, p *pack.Packer, root *os.File, c vzcontract.Change) error {
	as := strings.TrimPrefix(c.Path, "/")
	dir, name := path.Split(as)
	if c.Kind == vzcontract.ChangeDeleted {
		return p.Empty(dir + whiteout + name)
	}
	if strings.HasPrefix(name, whiteout) {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: names that begin with %s mean deletion in a layer: rename the file", c.Path, whiteout)
	}
	parent, err := inroot.Resolve(int(root.Fd()), dir, unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	return p.One(ctx, parent, name, as)
}

// Export writes all that is in the directory open as root, but not what is on
// other file systems that are mounted in it: their directories are there, empty.
// Device nodes are written as such; sockets are left out.
func Export(ctx context.Context, root *os.File, w io.Writer) error {
	p := pack.New(w, pack.Options{Devices: true, OneFileSystem: true})
	err := p.Children(ctx, int(root.Fd()), "")
	if err == nil {
		err = p.Close()
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}
