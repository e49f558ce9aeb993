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
		case err == nil && s.lost(e.Name()) != "":
			found = append(found, "the name "+s.lost(e.Name())+" does not lead to container "+e.Name())
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
			found = append(found, filepath.Join(s.names(), e.Name())+" is damaged: it is no link")
		case s.staleName(e.Name(), id):
			found = append(found, "the name "+e.Name()+" is kept by a rename that was cut short")
		case s.abandoned(id):
			found = append(found, "the name "+e.Name()+" is kept by a container that is not there")
		}
	}
	return found, nil
}

// lost is the name of a container that does not lead to it, else "".
func (s *Store) lost(id string) string {
	st, err := s.load(id)
	if err != nil {
		return ""
	}
	if to, err := os.Readlink(filepath.Join(s.names(), st.Name)); err == nil && to == id {
		return ""
	}
	return st.Name
}
