package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"
)

// writeArchive writes a gzipped tar that unpacks into one directory.
func writeArchive(r *release, t target, files []file) error {
	base := fmt.Sprintf("vz_%s_%s", r.version, t)
	out, err := os.Create(filepath.Join(r.out, base+".tar.gz"))
	if err != nil {
		return err
	}
	return errors.Join(archive(out, base, r.time, files), out.Close())
}

func archive(w io.Writer, base string, when time.Time, files []file) error {
	zipped := gzip.NewWriter(w)
	out := tar.NewWriter(zipped)
	made := map[string]bool{}
	// A directory comes before what is in it.
	var makeDir func(dir string) error
	makeDir = func(dir string) error {
		if dir == "." || made[dir] {
			return nil
		}
		made[dir] = true
		if err := makeDir(path.Dir(dir)); err != nil {
			return err
		}
		return out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: when})
	}
	for _, f := range files {
		name := path.Join(base, f.name)
		if err := makeDir(path.Dir(name)); err != nil {
			return err
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(f.mode.Perm()), Size: int64(len(f.data)), ModTime: when}
		if f.link != "" {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, f.link, 0
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		if _, err := out.Write(f.data); err != nil {
			return err
		}
	}
	return errors.Join(out.Close(), zipped.Close())
}
