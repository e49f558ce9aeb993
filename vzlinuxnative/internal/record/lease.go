//go:build linux

package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"vz.internal/vzcontract"
)

// MountLease is the owner of the lease on the image of a container's i-th
// mount; that on the image of its root is the container's id.
func MountLease(id string, i int) string { return fmt.Sprintf("%s-mount%d", id, i) }

// Leases are the owners of a container's leases on images.
func Leases(c *Config) []string {
	var owners []string
	if c.Run.Image != "" {
		owners = append(owners, c.ID)
	}
	for i, m := range c.Run.Mounts {
		if m.Type == vzcontract.MountImage {
			owners = append(owners, MountLease(c.ID, i))
		}
	}
	return owners
}

func (s *Store) leases() string { return filepath.Join(s.home, "ended-leases") }

// LeaveLeases notes that a container is about to go whose leases on images
// are to be ended by somebody who knows the image store.
func (s *Store) LeaveLeases(c *Config) error {
	for _, owner := range Leases(c) {
		if err := os.MkdirAll(s.leases(), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.leases(), owner), nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// EndLeases calls end for each lease that was left, unless its container is
// still there.
func (s *Store) EndLeases(end func(owner string) error) error {
	entries, err := os.ReadDir(s.leases())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if id := e.Name()[:min(IDLength, len(e.Name()))]; exists(s.file(id, configFile)) {
			continue // its removal was cut short
		}
		if err := end(e.Name()); err != nil {
			return err
		}
		if err := os.Remove(filepath.Join(s.leases(), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
