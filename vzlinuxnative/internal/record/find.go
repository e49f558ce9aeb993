//go:build linux

package record

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"vz.internal/vzcontract"
)

// IDLength is the number of hex digits of an id.
const IDLength = 64

func isID(name string) bool { return len(name) == IDLength && isHex(name) }

func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdef") == "" }

// IDs returns the ids of all containers, in no order. What a creation or
// removal that was cut short has left is removed in passing.
func (s *Store) IDs() ([]string, error) {
	dir, err := os.Open(s.containers())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	ids := entries[:0]
	for _, name := range entries {
		switch {
		case !isID(name):
		case exists(s.file(name, configFile)):
			ids = append(ids, name)
		case s.abandoned(name):
			_, _ = s.sweepDirectory(name) // the list is right without it; Sweep tells what fails
		}
	}
	return ids, nil
}

// Find returns the id of the container with the name, id or id prefix. None
// is vzcontract.ErrNotFound, several vzcontract.ErrValidation.
func (s *Store) Find(ref string) (string, error) {
	ref = strings.TrimPrefix(ref, "/") // docker puts it before names
	if isID(ref) && exists(s.file(ref, configFile)) {
		return ref, nil
	}
	if !vzcontract.ValidName(ref) {
		return "", notFound()
	}
	if id, err := os.Readlink(filepath.Join(s.names(), ref)); err == nil && exists(s.file(id, configFile)) {
		return id, nil
	}
	if !isHex(ref) {
		return "", notFound()
	}
	ids, err := s.IDs()
	if err != nil {
		return "", err
	}
	found := ""
	for _, id := range ids {
		if !strings.HasPrefix(id, ref) {
			continue
		}
		if found != "" {
			return "", vzcontract.Errorf(vzcontract.ErrValidation, "the id prefix is ambiguous: give more digits")
		}
		found = id
	}
	if found == "" {
		return "", notFound()
	}
	return found, nil
}
