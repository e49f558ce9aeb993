package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"vz.internal/vzlinux/agentproto"
)

// Open opens the part of a file that req names for reading.
func Open(req agentproto.FileRequest) (io.ReadCloser, error) {
	f, err := os.Open(req.Path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "read", Path: req.Path, Err: errors.New("is a directory")}
	}
	if err == nil && req.Offset > 0 {
		_, err = f.Seek(req.Offset, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	if req.Limit > 0 {
		return struct {
			io.Reader
			io.Closer
		}{io.LimitReader(f, req.Limit), f}, nil
	}
	return f, nil
}

// A Writer takes the content of a new file. Commit puts the file under its name;
// Close without Commit leaves nothing.
type Writer struct {
	*os.File
	path string
}

// Create opens a Writer beside the file that it will be.
func Create(req agentproto.FileWriteRequest) (*Writer, error) {
	f, err := os.CreateTemp(filepath.Dir(req.Path), "."+filepath.Base(req.Path)+".*")
	if err != nil {
		return nil, err
	}
	w := &Writer{File: f, path: req.Path}
	if err = f.Chown(req.UID, req.GID); err == nil {
		err = f.Chmod(unixMode(req.Mode))
	}
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	return w, nil
}

// Commit renames the file to its name.
func (w *Writer) Commit() error {
	if info, err := os.Lstat(w.path); err == nil && info.IsDir() {
		return fmt.Errorf("write %s: it is a directory: %w", w.path, fs.ErrExist)
	}
	return os.Rename(w.Name(), w.path)
}

// Close ends the Writer and removes what was not committed.
func (w *Writer) Close() error {
	err := w.File.Close()
	if gone := os.Remove(w.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

// unixMode translates permission bits with setuid, setgid and sticky.
func unixMode(mode uint32) fs.FileMode {
	out := fs.FileMode(mode & 0o777)
	for _, bit := range []struct {
		unix uint32
		mode fs.FileMode
	}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}} {
		if mode&bit.unix != 0 {
			out |= bit.mode
		}
	}
	return out
}
