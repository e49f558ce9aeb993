//go:build linux

package record

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"vz.internal/vzcontract"
)

// Verify returns what Sweep would put right, one line each. It changes
// nothing.
func (s *Store) Verify() ([]string, error) {
	var found []string
	entries, err := os.ReadDir(s.containers())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		damaged := new(DamagedError)
		switch _, err := s.load(e.Name()); {
		case errors.Is(err, vzcontract.ErrNotFound) && s.abandoned(e.Name()):
			found = append(found, "the rest of container "+e.Name()+", whose create or removal was cut short")
		case errors.As(err, &damaged):
			found = append(found, err.Error())
		}
	}
	names, err := os.ReadDir(s.names())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return found, err
	}
	for _, e := range names {
		id, err := os.Readlink(filepath.Join(s.names(), e.Name()))
		switch {
		case err != nil:
		case s.staleName(e.Name(), id):
			found = append(found, "the name "+e.Name()+" is kept by a rename that was cut short")
		case s.abandoned(id):
			found = append(found, "the name "+e.Name()+" is kept by a container that is not there")
		}
	}
	return found, nil
}
