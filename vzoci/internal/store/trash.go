package store

import (
	"errors"
	"os"
	"path/filepath"
)

// discard moves a file or tree to the trash and returns where it is there.
// What is in the trash is nobody's.
func (s *Store) discard(path string) (string, error) {
	dir, err := os.MkdirTemp(s.path(dirTrash), "")
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, filepath.Base(path))
	if err := os.Rename(path, to); err != nil {
		err = errors.Join(err, os.Remove(dir))
		if notExist(err) {
			return "", nil
		}
		return "", err
	}
	return to, nil
}

// emptyTrash removes what is there. It needs no lock: an interrupted removal is
// taken up by the next.
func (s *Store) emptyTrash() error {
	entries, err := os.ReadDir(s.path(dirTrash))
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if err := removeTree(s.path(dirTrash, e.Name())); err != nil && !notExist(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
