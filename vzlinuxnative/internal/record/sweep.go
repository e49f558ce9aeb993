//go:build linux

package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

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
			to, err := s.moveAside(s.Dir(id), id)
			if err != nil {
				return did, err
			}
			did = append(did, fmt.Sprintf("moved container %s to %s: %v", id, to, damaged.Err))
		}
	}
	more, err := s.sweepNames()
	did = append(did, more...)
	if err != nil {
		return did, err
	}
	for _, e := range entries {
		name := s.lost(e.Name())
		if name == "" {
			continue
		}
		if err := s.takeName(name, e.Name()); err != nil {
			return did, fmt.Errorf("container %s: %w", e.Name(), err)
		}
		did = append(did, "gave the name "+name+" back to container "+e.Name())
	}
	return did, nil
}

// moveAside moves what is damaged to "damaged" below the home.
func (s *Store) moveAside(path, name string) (to string, err error) {
	to = filepath.Join(s.home, "damaged", name+"-"+time.Now().UTC().Format("20060102T150405.000000000"))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return "", err
	}
	return to, os.Rename(path, to)
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
		link := filepath.Join(s.names(), e.Name())
		id, err := os.Readlink(link)
		if errors.Is(err, unix.EINVAL) { // no link
			to, err := s.moveAside(link, "name-"+e.Name())
			if err != nil {
				return did, err
			}
			did = append(did, fmt.Sprintf("moved the name %s to %s: it is no link", e.Name(), to))
			continue
		}
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
