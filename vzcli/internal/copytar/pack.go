package copytar

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Pack writes the file or tree at source as a tar stream whose first entry is
// called name; with the name "." only what is in the directory is written.
func Pack(w io.Writer, source, name string) error {
	t := tar.NewWriter(w)
	links := map[inode]string{}
	err := filepath.WalkDir(source, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, p)
		if err != nil {
			return err
		}
		if rel == "." && name == "." {
			return nil
		}
		return packOne(t, p, path.Join(name, filepath.ToSlash(rel)), links)
	})
	return errors.Join(err, t.Close())
}

func packOne(t *tar.Writer, p, name string, links map[inode]string) error {
	info, err := os.Lstat(p)
	if err != nil {
		return err
	}
	target := ""
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		if target, err = os.Readlink(p); err != nil {
			return err
		}
	case mode&fs.ModeSocket != 0:
		return nil // a socket means nothing elsewhere; tar leaves it out as well
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return fmt.Errorf("pack %s: %w", p, err)
	}
	h.Name, h.Format, h.Uname, h.Gname = name, tar.FormatPAX, "", ""
	if info.IsDir() {
		h.Name += "/"
	}
	if id, shared := inodeOf(info); shared && info.Mode().IsRegular() {
		if first, seen := links[id]; seen {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
			return t.WriteHeader(h)
		}
		links[id] = name
	}
	if !info.Mode().IsRegular() {
		return t.WriteHeader(h)
	}
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	if n, err := io.CopyN(t, f, h.Size); err != nil {
		return fmt.Errorf("pack %s: the file became shorter while it was read, %d of %d bytes: %w", p, n, h.Size, err)
	}
	return nil
}
