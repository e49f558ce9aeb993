// Package volume keeps named storage: a directory per volume with its
// description in volume.json and its files in _data.
package volume

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
)

// validName reports whether s is [a-zA-Z0-9][a-zA-Z0-9_.-]*, of at most 255
// bytes.
func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '_' && c != '.' && c != '-') {
			return false
		}
	}
	return s != "" && len(s) <= 255
}

// A Store is a directory of volumes. Its methods are safe for concurrent use
// by any number of processes, and a process that is killed leaves each volume
// as it was or as it should become.
type Store struct {
	dir   string
	users func(volume string) ([]string, error)
}

// Open returns the store in dir, which it makes when it is missing. users
// tells the ids of the containers that use a volume; a container's use has to
// be on record before Create is called for it, so that no removal comes
// between.
func Open(dir string, users func(volume string) ([]string, error)) (*Store, error) {
	// Other users of the host would run setuid programs of a volume as their owner.
	err := os.MkdirAll(dir, 0o700)
	if info, serr := os.Stat(dir); err == nil && serr == nil && info.Mode().Perm()&0o077 != 0 {
		err = os.Chmod(dir, 0o700) //nolint:gosec // a directory
	}
	if err != nil {
		return nil, fmt.Errorf("open volumes: %w", err)
	}
	return &Store{dir: dir, users: users}, nil
}

func (s *Store) volume(name string) string { return filepath.Join(s.dir, name) }
func (s *Store) data(name string) string   { return filepath.Join(s.dir, name, "_data") }
func (s *Store) record(name string) string { return filepath.Join(s.dir, name, "volume.json") }

func failure(op, name string, class error, format string, args ...any) error {
	return &vzcontract.Error{Op: op, Kind: "volume", Name: name, Class: class, Err: fmt.Errorf(format, args...)}
}

// lock waits for the lock in file, which dies with its process.
func lock(file string) (unlock func(), err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock volumes: %w", err)
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close() // of no use
		return nil, fmt.Errorf("lock volumes: %w", err)
	}
	return func() { _ = f.Close() }, nil // an empty file
}

// change locks the store and clears away what killed processes left.
func (s *Store) change() (unlock func(), err error) {
	unlock, err = lock(filepath.Join(s.dir, ".lock"))
	if err != nil {
		return nil, err
	}
	left, err := filepath.Glob(filepath.Join(s.dir, ".new-*"))
	for _, dir := range left {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil {
		unlock()
		return nil, fmt.Errorf("clear away a half-made volume: %w", err)
	}
	return unlock, nil
}

// Create makes a volume, or returns the one of that name if it has the same
// driver and options; with others it is ErrConflict. Without a name the volume
// is anonymous and gets a random one.
func (s *Store) Create(cfg vzcontract.VolumeConfig) (vzcontract.VolumeInfo, error) {
	if cfg.Name == "" {
		cfg.Name = RandomName()
		return s.create(cfg, true)
	}
	return s.create(cfg, false)
}

// CreateAnonymous is Create for an anonymous volume whose name, from
// RandomName, is on record already.
func (s *Store) CreateAnonymous(cfg vzcontract.VolumeConfig) (vzcontract.VolumeInfo, error) {
	return s.create(cfg, true)
}

func (s *Store) create(cfg vzcontract.VolumeConfig, anonymous bool) (vzcontract.VolumeInfo, error) {
	info := vzcontract.VolumeInfo{VolumeConfig: cfg, Anonymous: anonymous, CreatedAt: time.Now()}
	info.Driver = cmp.Or(cfg.Driver, "local")
	switch {
	case !validName(info.Name):
		return info, failure("create", cfg.Name, vzcontract.ErrValidation, "invalid name %q: want letters, digits, _ . -", cfg.Name)
	case info.Driver != "local":
		return info, failure("create", info.Name, vzcontract.ErrUnsupported, "unknown driver %q: only local is there", cfg.Driver)
	}
	if _, err := parseOptions(cfg.Options); err != nil {
		return info, &vzcontract.Error{Op: "create", Kind: "volume", Name: info.Name, Class: vzcontract.ErrValidation, Err: err}
	}
	unlock, err := s.change()
	if err != nil {
		return info, err
	}
	defer unlock()
	old, err := s.Inspect(info.Name)
	switch {
	case err == nil && !maps.Equal(old.Options, info.Options):
		return old, failure("create", info.Name, vzcontract.ErrConflict, "it exists with other options")
	case err == nil || !errors.Is(err, vzcontract.ErrNotFound):
		return old, err
	}
	if err := s.write(info); err != nil {
		return info, failure("create", info.Name, vzcontract.ErrInternal, "%w", err)
	}
	return s.Inspect(info.Name)
}

// RandomName returns a name for an anonymous volume.
func RandomName() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// write makes the directory of a volume; it is whole when its name appears,
// and stays when the power goes.
func (s *Store) write(info vzcontract.VolumeInfo) error {
	fresh, err := os.MkdirTemp(s.dir, ".new-")
	if err != nil {
		return err
	}
	data := filepath.Join(fresh, "_data")
	err = errors.Join(os.Mkdir(data, 0o755), os.Chmod(data, 0o755)) //nolint:gosec // read by users of containers
	if err == nil {
		err = writeRecord(filepath.Join(fresh, "volume.json"), info)
	}
	if err == nil {
		err = os.Rename(fresh, s.volume(info.Name))
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	return syncDir(s.dir)
}

func writeRecord(file string, info vzcontract.VolumeInfo) error {
	text, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Inspect returns a volume; an unknown one is ErrNotFound.
func (s *Store) Inspect(name string) (vzcontract.VolumeInfo, error) {
	info, err := s.read(name)
	if err != nil {
		return info, err
	}
	if info.UsedBy, err = s.users(name); err != nil {
		return info, failure("inspect", name, vzcontract.ErrInternal, "%w", err)
	}
	return info, nil
}

// read returns a volume's record, without the users.
func (s *Store) read(name string) (vzcontract.VolumeInfo, error) {
	var info vzcontract.VolumeInfo
	if !validName(name) {
		return info, failure("inspect", name, vzcontract.ErrNotFound, "no such volume")
	}
	text, err := statefile.Read(s.record(name))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENAMETOOLONG) {
		return info, failure("inspect", name, vzcontract.ErrNotFound, "no such volume")
	}
	if err != nil {
		return info, failure("inspect", name, vzcontract.ErrInternal, "%w", err)
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return info, failure("inspect", name, vzcontract.ErrInternal, "its record %s is damaged: %w", s.record(name), err)
	}
	info.Name, info.Mountpoint = name, s.data(name)
	return info, nil
}

// List returns all volumes, by name. One with a damaged record is left out. It
// fails where it cannot be told who uses them.
func (s *Store) List() ([]vzcontract.VolumeInfo, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list volumes: %w", err)
	}
	infos := make([]vzcontract.VolumeInfo, 0, len(entries))
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := s.read(e.Name())
		if err != nil {
			continue
		}
		if info.UsedBy, err = s.users(e.Name()); err != nil {
			return nil, fmt.Errorf("list volumes: %w", err)
		}
		infos = append(infos, info)
	}
	return infos, nil
}
