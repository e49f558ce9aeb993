//go:build unix

package warm

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcore"
)

// Bounds of what a store holds; what was not used for the longest time goes first.
const (
	MaxSnapshots = 4
	MaxBytes     = 1 << 30
)

// A Store is a directory of snapshots. Its methods are safe for concurrent use, by
// several processes too, which may be killed at any time.
type Store struct{ Dir string }

// At returns the store of a backend's home directory.
func At(home string) Store { return Store{Dir: filepath.Join(home, "warm")} }

// A Snapshot is one saved guest.
type Snapshot struct {
	Fingerprint string          `json:"fingerprint"`
	Dir         string          `json:"dir"`
	Size        int64           `json:"size"` // bytes on disk
	Used        time.Time       `json:"used"` // or made
	Manifest    vzcore.Manifest `json:"manifest"`
}

const lockFile = "lock"

var fingerprint = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{64}$`) })

// Empty tells whether there is nothing to be found, which is much cheaper to know than a
// fingerprint.
func (s Store) Empty() bool {
	entries, err := os.ReadDir(s.Dir)
	return err != nil || !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return fingerprint().MatchString(e.Name()) })
}

// Find returns the directory of a snapshot, and notes that it was used.
func (s Store) Find(print string) (dir string, ok bool) {
	dir = filepath.Join(s.Dir, print)
	now := time.Now()
	return dir, os.Chtimes(dir, now, now) == nil
}

// A Maker makes snapshots. There is one at a time.
type Maker struct {
	store Store
	lock  *os.File
	// Scratch is a directory for what is needed meanwhile.
	Scratch string
}

// Maker returns the maker, which the caller closes, or nil while another process has it.
func (s Store) Maker() (*Maker, error) {
	lock, err := s.lock()
	if lock == nil || err != nil {
		return nil, err
	}
	m := &Maker{store: s, lock: lock, Scratch: filepath.Join(s.Dir, ".scratch")}
	if err := errors.Join(s.sweep(), os.Mkdir(m.Scratch, 0o700)); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// Make has save write a snapshot to a directory that does not exist, unless there is
// one. What is then too much goes.
func (m *Maker) Make(print string, save func(dir string) error) error {
	if _, ok := m.store.Find(print); ok {
		return nil
	}
	next := filepath.Join(m.store.Dir, ".new")
	if err := save(next); err != nil {
		return errors.Join(err, os.RemoveAll(next))
	}
	err := os.Rename(next, filepath.Join(m.store.Dir, print))
	return errors.Join(err, m.store.shrink(print))
}

// Close lets others make some.
func (m *Maker) Close() error { return errors.Join(m.store.sweep(), m.lock.Close()) }

// lock returns nothing if another process has it.
func (s Store) lock() (*os.File, error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.Dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = nil
		}
		return nil, err
	}
	return f, nil
}

// sweep removes what processes have left that were killed. The caller has the lock.
func (s Store) sweep() error {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.Name() != lockFile && !fingerprint().MatchString(e.Name()) {
			errs = append(errs, os.RemoveAll(filepath.Join(s.Dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// shrink removes what is too much, and what no other guest than that of print's kernel,
// initramfs and QEMU could be restored from.
func (s Store) shrink(print string) error {
	all, err := s.List()
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b Snapshot) int { return b.Used.Compare(a.Used) })
	var current vzcore.Manifest
	for _, one := range all {
		if one.Fingerprint == print {
			current = one.Manifest
		}
	}
	var errs []error
	count, total := 0, int64(0)
	for _, one := range all {
		m := one.Manifest
		outdated := m.Kernel != current.Kernel || m.Initramfs != current.Initramfs || m.DriverVersion != current.DriverVersion
		if one.Fingerprint != print && (outdated || count >= MaxSnapshots || total+one.Size > MaxBytes) {
			errs = append(errs, s.Remove(one.Fingerprint))
			continue
		}
		count, total = count+1, total+one.Size
	}
	return errors.Join(errs...)
}

// List returns all snapshots, the smallest fingerprint first. One whose manifest cannot
// be read is listed with none.
func (s Store) List() ([]Snapshot, error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Snapshot
	for _, e := range entries {
		if !fingerprint().MatchString(e.Name()) {
			continue
		}
		one := Snapshot{Fingerprint: e.Name(), Dir: filepath.Join(s.Dir, e.Name())}
		info, err := e.Info()
		if err != nil {
			continue // it has just been removed
		}
		one.Used = info.ModTime()
		one.Manifest, _ = vzcore.ReadManifest(one.Dir)
		one.Size = size(one.Dir)
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Snapshot) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
	return all, nil
}

func size(dir string) (total int64) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok {
				total += stat.Blocks * 512
			}
		}
	}
	return total
}

// Remove removes a snapshot. Machines that start from it have their own copies, or boot.
func (s Store) Remove(print string) error {
	gone, err := os.MkdirTemp(s.Dir, ".gone-")
	if err != nil {
		return err
	}
	err = os.Rename(filepath.Join(s.Dir, print), filepath.Join(gone, print))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(gone))
}

// Prune removes all snapshots, and says which and how many bytes they had.
func (s Store) Prune() (removed []string, freed int64, err error) {
	all, err := s.List()
	if err != nil || len(all) == 0 {
		return nil, 0, err
	}
	var errs []error
	for _, one := range all {
		if err := s.Remove(one.Fingerprint); err != nil {
			errs = append(errs, err)
			continue
		}
		removed, freed = append(removed, one.Fingerprint), freed+one.Size
	}
	if lock, err := s.lock(); err == nil && lock != nil {
		errs = append(errs, s.sweep(), lock.Close())
	}
	return removed, freed, errors.Join(errs...)
}
