//go:build linux

package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

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
	if err := os.RemoveAll(s.Dir(id)); err != nil {
		return fmt.Errorf("remove record: %w", err)
	}
	return nil
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

// Sweep removes what creates and removals that were cut short have left, and
// moves damaged records to "damaged" below the home. It returns what it did,
// one line each.
func (s *Store) Sweep() ([]string, error) {
	var did []string
	entries, err := os.ReadDir(s.containers())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		id := e.Name()
		switch _, err := s.load(id); {
		case err == nil:
		case errors.Is(err, vzcontract.ErrNotFound):
			removed, err := s.sweepDirectory(id)
			if err != nil {
				return did, err
			}
			if removed {
				did = append(did, "removed the rest of container "+id)
			}
		default:
			damaged := new(DamagedError)
			if !errors.As(err, &damaged) {
				continue // another process is at it
			}
			to := filepath.Join(s.home, "damaged", id+"-"+time.Now().UTC().Format("20060102T150405.000000000"))
			if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
				return did, err
			}
			if err := os.Rename(s.Dir(id), to); err != nil {
				return did, err
			}
			did = append(did, fmt.Sprintf("moved container %s to %s: %v", id, to, damaged.Err))
		}
	}
	more, err := s.sweepNames()
	return append(did, more...), err
}

func (s *Store) load(id string) (*State, error) {
	if _, err := s.Config(id); err != nil {
		return nil, err
	}
	return s.State(id)
}

// sweepNames frees names of containers that are not there, or that are called
// otherwise.
func (s *Store) sweepNames() ([]string, error) {
	entries, err := os.ReadDir(s.names())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var did []string
	for _, e := range entries {
		id, err := os.Readlink(filepath.Join(s.names(), e.Name()))
		if err != nil {
			continue
		}
		if s.staleName(e.Name(), id) {
			freed, err := s.clearStale(e.Name(), id)
			if err != nil {
				return did, err
			}
			if freed {
				did = append(did, "freed the name "+e.Name())
			}
			continue
		}
		if !s.abandoned(id) {
			continue
		}
		if err := s.clearAbandoned(e.Name(), id); err != nil {
			return did, err
		}
		did = append(did, "freed the name "+e.Name())
	}
	return did, nil
}
