package images

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// A file of a layer, as found by walk.
type file struct {
	name string // slash-separated, relative to the root
	path string
	info fs.FileInfo
}

// walk lists the files below root in the order of a layer: each directory
// before what it holds.
func walk(root string) (files []file, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		files = append(files, file{name: filepath.ToSlash(name), path: path, info: info})
		return err
	})
	return files, err
}

// writeLayer writes files as a layer. What marks deletions in the upper
// directory of an overlay becomes what marks them in a layer.
func writeLayer(w io.Writer, files []file) error {
	tw := tar.NewWriter(w)
	first := map[uint64]string{} // inode of a file with several names
	for _, f := range files {
		if err := writeFile(tw, f, first); err != nil {
			return fmt.Errorf("write %s into a layer: %w", f.path, err)
		}
	}
	return tw.Close()
}

func writeFile(tw *tar.Writer, f file, first map[uint64]string) error {
	stat := f.info.Sys().(*syscall.Stat_t)
	mode := f.info.Mode()
	if mode&fs.ModeCharDevice != 0 && stat.Rdev == 0 {
		dir, base := path.Split(f.name)
		return tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: dir + ".wh." + base, Mode: 0o600})
	}
	if mode&fs.ModeSocket != 0 {
		return nil // a layer cannot hold it
	}
	link := ""
	if mode&fs.ModeSymlink != 0 {
		var err error
		if link, err = os.Readlink(f.path); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(f.info, link)
	if err != nil {
		return err
	}
	h.Name, h.Uname, h.Gname = f.name, "", ""
	h.Format = tar.FormatPAX
	h.ModTime = h.ModTime.Truncate(1e9)
	if mode.IsDir() {
		h.Name += "/"
	}
	if mode.IsRegular() && stat.Nlink > 1 {
		if target, ok := first[stat.Ino]; ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, target, 0
			return tw.WriteHeader(h)
		}
		first[stat.Ino] = f.name
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	if mode.IsDir() && opaque(f.path) {
		return tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name + "/.wh..wh..opq", Mode: 0o600})
	}
	if !mode.IsRegular() {
		return nil
	}
	in, err := os.Open(f.path)
	if err != nil {
		return err
	}
	_, err = io.Copy(tw, in)
	return errors.Join(err, in.Close())
}

// opaque reports whether the directory hides that of the lower layers.
func opaque(dir string) bool {
	value := make([]byte, 8)
	n, err := syscall.Getxattr(dir, "trusted.overlay.opaque", value)
	return err == nil && strings.HasPrefix(string(value[:n]), "y")
}

// split cuts files into n runs of about the same size. Each has the directories
// that its files are in, as a build would write them.
func split(files []file, n int) [][]file {
	var total, sum int64
	byName := map[string]file{}
	for _, f := range files {
		total += f.info.Size()
		byName[f.name] = f
	}
	parts := make([][]file, n)
	for _, f := range files {
		at := min(n-1, int(sum*int64(n)/max(1, total)))
		if len(parts[at]) == 0 {
			parts[at] = parents(f.name, byName)
		}
		parts[at] = append(parts[at], f)
		sum += f.info.Size()
	}
	return parts
}

// parents returns the directories that the name is in, outermost first.
func parents(name string, byName map[string]file) (dirs []file) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		dirs = append([]file{byName[dir]}, dirs...)
	}
	return dirs
}
