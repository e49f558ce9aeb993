//go:build linux

package record

import (
	"errors"
	"path/filepath"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/volume"
)

// VolumeUsers returns the ids of the containers that use a volume.
func (s *Store) VolumeUsers(name string) ([]string, error) {
	ids, err := s.IDs()
	if err != nil {
		return nil, err
	}
	var users []string
	for _, id := range ids {
		c, err := s.Config(id)
		switch {
		case errors.Is(err, vzcontract.ErrNotFound):
			continue
		case err != nil:
			return nil, err // it may use the volume
		}
		for _, m := range c.Mounts {
			if m.Volume == name {
				users = append(users, id)
				break
			}
		}
	}
	return users, nil
}

// RemoveAnonymous removes the volumes that were made for a container which is
// about to go, unless others use them.
func (s *Store) RemoveAnonymous(c *Config) error {
	others := func(name string) ([]string, error) {
		users, err := s.VolumeUsers(name)
		return slices.DeleteFunc(users, func(id string) bool { return id == c.ID }), err
	}
	var errs []error
	for _, m := range c.Mounts {
		if !m.Anonymous {
			continue
		}
		v, err := volume.Open(filepath.Join(s.home, "volumes"), others)
		if err == nil {
			err = v.Remove(m.Volume, false)
		}
		if err != nil && !errors.Is(err, vzcontract.ErrNotFound) && !errors.Is(err, vzcontract.ErrConflict) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
