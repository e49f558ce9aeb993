package file

import (
	"archive/tar"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// xattrPrefix is how tar archives name extended attributes.
const xattrPrefix = "SCHILY.xattr."

// Pack writes the tree below path as a tar stream. A path that is no directory is
// packed alone under its own name. Sockets are left out.
func Pack(ctx context.Context, w io.Writer, path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	p := packer{ctx: ctx, tar: tar.NewWriter(w), links: map[inode]string{}}
	if !info.IsDir() {
		if err := p.add(path, info.Name(), info); err != nil {
			return err
		}
		return p.tar.Close()
	}
	err = filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(path, file)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return p.add(file, name, info)
	})
	if err != nil {
		return err
	}
	return p.tar.Close()
}

type inode struct{ dev, ino uint64 }

type packer struct {
	ctx   context.Context
	tar   *tar.Writer
	links map[inode]string
}

func (p *packer) add(file, name string, info fs.FileInfo) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket != 0 {
		return nil
	}
	target := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		var err error
		if target, err = os.Readlink(file); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	h.Name, h.Format = filepath.ToSlash(name), tar.FormatPAX
	h.Uname, h.Gname = "", ""
	if info.IsDir() {
		h.Name += "/"
	}
	if h.PAXRecords, err = xattrs(file); err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 && h.Typeflag == tar.TypeReg {
		id := inode{uint64(st.Dev), st.Ino}
		if first, seen := p.links[id]; seen {
			h.Typeflag, h.Linkname, h.Size, h.PAXRecords = tar.TypeLink, first, 0, nil
		} else {
			p.links[id] = h.Name
		}
	}
	if err := p.tar.WriteHeader(h); err != nil {
		return err
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	// A file that grows meanwhile is cut, one that shrinks is an error.
	_, err = io.CopyN(p.tar, f, h.Size)
	return err
}
