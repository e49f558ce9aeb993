package store

import (
	"errors"
	"os"
	"path/filepath"
)

// tempPrefix starts the name of a file that is being written below the guard.
const tempPrefix = ".tmp-"

// writeFile writes a file of directory dir under a temporary name and renames
// it. The guard must be held, so that a sweep can tell what a dead process left.
func (s *Store) writeFile(dir, name string, data []byte) error {
	tmp, err := writeTemp(s.path(dir), tempPrefix, data)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, s.path(dir, name)); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return nil
}

// writeTemp writes data to a new file below dir.
func writeTemp(dir, prefix string, data []byte) (path string, err error) {
	f, err := os.CreateTemp(dir, prefix)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// syncPaths makes files and directories durable one by one.
func syncPaths(paths ...string) error {
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// removeTree removes a tree that may hold directories without permissions.
func removeTree(path string) error {
	err := os.RemoveAll(path)
	if err == nil || os.Geteuid() == 0 {
		return err
	}
	openUp(path)
	return os.RemoveAll(path)
}

// openUp gives the owner all rights on every directory of a tree. What it
// cannot change the removal afterwards names.
func openUp(path string) {
	_ = os.Chmod(path, 0o700)
	entries, _ := os.ReadDir(path)
	for _, e := range entries {
		if e.IsDir() {
			openUp(filepath.Join(path, e.Name()))
		}
	}
}
