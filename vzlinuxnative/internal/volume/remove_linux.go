package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// Remove removes a volume with its files. One in use is ErrConflict; an
// unknown one is ErrNotFound unless force.
func (s *Store) Remove(name string, force bool) error {
	unlock, err := s.change()
	if err != nil {
		return err
	}
	defer unlock()
	info, err := s.Inspect(name)
	switch {
	case errors.Is(err, vzcontract.ErrNotFound):
		if force {
			return nil
		}
		return failure("remove", name, vzcontract.ErrNotFound, "no such volume")
	case err != nil && !force: // with force also one whose record is damaged
		return err
	case len(info.UsedBy) > 0:
		return failure("remove", name, vzcontract.ErrConflict, "container %.12s uses it: remove that first", info.UsedBy[0])
	}
	return s.remove(name)
}

// remove takes the volume's name away first, so that a killed removal leaves
// no volume with half of its files.
func (s *Store) remove(name string) error {
	for mounted(s.data(name)) {
		if err := unix.Unmount(s.data(name), unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return failure("remove", name, vzcontract.ErrConflict, "unmount %s: %w", s.data(name), err)
		}
	}
	gone := filepath.Join(s.dir, ".new-"+RandomName()[:16])
	err := os.Rename(s.volume(name), gone)
	if err == nil {
		err = errors.Join(syncDir(s.dir), os.RemoveAll(gone))
	}
	if err != nil {
		return failure("remove", name, vzcontract.ErrInternal, "%w", err)
	}
	return nil
}

// Prune removes the anonymous volumes that nobody uses; with all, those with a
// name too.
func (s *Store) Prune(all bool) (vzcontract.PruneReport, error) {
	var report vzcontract.PruneReport
	unlock, err := s.change()
	if err != nil {
		return report, err
	}
	defer unlock()
	infos, err := s.List()
	if err != nil {
		return report, err
	}
	for _, info := range infos {
		if len(info.UsedBy) > 0 || !info.Anonymous && !all {
			continue
		}
		size, err := used(info.Mountpoint)
		if err == nil {
			err = s.remove(info.Name)
		}
		if err != nil {
			return report, fmt.Errorf("prune volumes: %w", err)
		}
		report.Removed, report.Freed = append(report.Removed, info.Name), report.Freed+size
	}
	return report, nil
}

// used is what a directory takes on the disk, in bytes.
func used(dir string) (size int64, err error) {
	seen := map[[2]uint64]bool{} // files with several names
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return &fs.PathError{Op: "stat", Path: path, Err: err}
		}
		id := [2]uint64{st.Dev, st.Ino}
		if !seen[id] {
			size += st.Blocks * 512
		}
		seen[id] = true
		return nil
	})
	return size, err
}
