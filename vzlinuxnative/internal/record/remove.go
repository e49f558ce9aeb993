//go:build linux

package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/fault"
)

// Remove removes the record and all files below its directory. The last exit
// stays readable for those who watch.
func (s *Store) Remove(id string) error {
	lock, err := s.lock(id)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := s.forget(id, lock); err != nil {
		return err
	}
	return s.clear(id)
}

// Forget makes the container gone: nobody finds it, and its name is free. Its
// files are waste, for Clear, or for Sweep where that does not come.
func (s *Store) Forget(id string) error {
	lock, err := s.lock(id)
	if err != nil {
		return err
	}
	defer lock.Close()
	return s.forget(id, lock)
}

// Clear removes the files of a container that is forgotten.
func (s *Store) Clear(id string) error {
	lock, err := s.lock(id)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	return s.clear(id)
}

func (s *Store) clear(id string) error {
	// Others who wait for its lock may just have made that once more.
	for range 100 {
		err := os.RemoveAll(s.Dir(id))
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.ENOTEMPTY) {
			return fmt.Errorf("remove record: %w", err)
		}
	}
	return fmt.Errorf("remove record: others keep making files in %s", s.Dir(id))
}

func (s *Store) forget(id string, lock *os.File) error {
	st, err := s.State(id)
	damaged := new(DamagedError)
	if err != nil && !errors.As(err, &damaged) && !errors.Is(err, vzcontract.ErrNotFound) {
		return err
	}
	if st != nil {
		if err := keepExit(lock, st); err != nil && !isFull(err) {
			return fmt.Errorf("remove record: %w", err)
		}
	}
	// Without its config the container is gone; the rest is waste.
	if err := os.Remove(s.file(id, configFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove record: %w", err)
	}
	fault.Point("rm.config")
	if st != nil {
		if err := s.freeName(st.Name, id); err != nil {
			return fmt.Errorf("remove record: %w", err)
		}
	}
	fault.Point("rm.name")
	return nil
}

// RemoveDamaged removes a record that cannot be read, with its names.
func (s *Store) RemoveDamaged(id string) error {
	names, err := os.ReadDir(s.names())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove record: %w", err)
	}
	for _, e := range names {
		if err := s.freeName(e.Name(), id); err != nil {
			return fmt.Errorf("remove record: %w", err)
		}
	}
	return s.clear(id)
}

func keepExit(lock *os.File, st *State) error {
	if st.LastExit == nil {
		return nil
	}
	data, err := json.Marshal(st.LastExit)
	if err != nil {
		return err
	}
	_, err = lock.WriteAt(data, 0)
	return err
}
