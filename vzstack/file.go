package vzstack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"vz.internal/vzstack/plan"
)

// placeFiles puts the files of secrets and configs where mounts expect them.
func (s *Stack) placeFiles(d *plan.Desired) error {
	for _, service := range d.Services {
		for _, f := range service.Files {
			if err := placeFile(f); err != nil {
				return fmt.Errorf("service %s: place a secret or config: %w", service.Name, err)
			}
		}
	}
	return nil
}

func placeFile(f plan.File) error {
	if _, err := os.Stat(f.Path); err == nil {
		return nil // the name says what it holds
	}
	dir := filepath.Dir(f.Path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(f.Content)
	err = errors.Join(err, temp.Chmod(os.FileMode(f.Mode)), temp.Sync())
	if f.UID != nil || f.GID != nil {
		owner := func(id *int) int {
			if id == nil {
				return -1
			}
			return *id
		}
		err = errors.Join(err, temp.Chown(owner(f.UID), owner(f.GID)))
	}
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), f.Path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// sweepFiles removes files of secrets and configs that neither the project's
// files nor any of its containers name any more.
func (s *Stack) sweepFiles(d *plan.Desired, all []plan.Container) error {
	dir := filepath.Join(s.dir(d.Project), "files")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	used := map[string]bool{}
	for _, service := range d.Services {
		for _, f := range service.Files {
			used[f.Path] = true
		}
	}
	for _, c := range all {
		for _, m := range c.Mounts {
			used[m.Source] = true
		}
	}
	errs := []error{err}
	for _, e := range entries {
		if name := filepath.Join(dir, e.Name()); !used[name] {
			errs = append(errs, os.Remove(name))
		}
	}
	return errors.Join(errs...)
}
