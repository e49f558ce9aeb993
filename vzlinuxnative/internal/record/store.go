//go:build linux

package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
	"vz.internal/vzlinuxnative/internal/fault"
)

// A Store is the records below a directory. Its methods are safe for
// concurrent use, by several processes too.
type Store struct{ home string }

// New returns the store below home. It does no I/O.
func New(home string) *Store { return &Store{home: home} }

// Dir is the directory of one container.
func (s *Store) Dir(id string) string { return filepath.Join(s.containers(), id) }

func (s *Store) containers() string { return filepath.Join(s.home, "containers") }
func (s *Store) names() string      { return filepath.Join(s.home, "names") }

func (s *Store) file(id, name string) string { return filepath.Join(s.Dir(id), name) }

const (
	configFile = "config.json"
	stateFile  = "state.json"
	lockFile   = "lock"
)

// Create makes the record of a new container and takes its name. A name in
// use is vzcontract.ErrConflict. On error nothing is left. before and prepare,
// which may be nil, make what belongs to the container: before what is in its
// directory, without which there is no container; prepare, when the record is
// written, what the record names.
func (s *Store) Create(c *Config, st *State, before, prepare func() error) (err error) {
	dir := s.Dir(c.ID)
	for _, d := range []string{s.containers(), s.names()} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return fmt.Errorf("create record: %w", err)
		}
	}
	lock, err := s.begin(c.ID)
	if err != nil {
		return fmt.Errorf("create record: %w", err)
	}
	defer lock.Close()
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if err := s.takeName(st.Name, c.ID); err != nil {
		return err
	}
	fault.Point("create.name")
	if err := s.fill(c, st, before, prepare); err != nil {
		return errors.Join(err, s.freeName(st.Name, c.ID))
	}
	return nil
}

// begin makes the directory with its lock, which it holds: one without is
// abandoned for those who hold the sweeping lock.
func (s *Store) begin(id string) (lock *os.File, err error) {
	sweeping, err := s.sweeping(unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	defer sweeping.Close()
	if err := os.Mkdir(s.Dir(id), 0o700); err != nil {
		return nil, err
	}
	fault.Point("create.directory")
	lock, err = os.OpenFile(s.file(id, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = flock(lock, unix.LOCK_EX)
	}
	if err != nil {
		lock.Close()
		return nil, errors.Join(err, os.RemoveAll(s.Dir(id)))
	}
	return lock, nil
}

// fill writes the files. Without a config there is no container.
func (s *Store) fill(c *Config, st *State, before, prepare func() error) error {
	if err := write(s.file(c.ID, stateFile), st); err != nil {
		return fmt.Errorf("create record: %w", err)
	}
	fault.Point("create.state")
	if before != nil {
		if err := before(); err != nil {
			return err
		}
		fault.Point("create.files")
	}
	if err := write(s.file(c.ID, configFile), c); err != nil {
		return fmt.Errorf("create record: %w", err)
	}
	fault.Point("create.config")
	if prepare == nil {
		return nil
	}
	if err := prepare(); err != nil {
		return errors.Join(err, os.Remove(s.file(c.ID, configFile)))
	}
	fault.Point("create.prepared")
	return nil
}

// Sync makes a record survive a power cut.
func (s *Store) Sync(id string) error {
	for _, name := range []string{configFile, stateFile, ""} {
		f, err := os.Open(s.file(id, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil {
			return err
		}
		err = f.Sync()
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// Config reads config.json of a container. One that does not exist is
// vzcontract.ErrNotFound; one that makes no sense a DamagedError.
func (s *Store) Config(id string) (*Config, error) {
	c := new(Config)
	if err := s.read(id, configFile, c); err != nil {
		return nil, err
	}
	if c.ID != id {
		return nil, &DamagedError{File: s.file(id, configFile), Err: fmt.Errorf("it is the record of %q", c.ID)}
	}
	return c, nil
}

// State reads state.json, with errors as Config.
func (s *Store) State(id string) (*State, error) {
	st := new(State)
	if err := s.read(id, stateFile, st); err != nil {
		return nil, err
	}
	switch st.State {
	case vzcontract.StateCreated, vzcontract.StateRunning, vzcontract.StatePaused, vzcontract.StateStopped:
		return st, nil
	}
	return nil, &DamagedError{File: s.file(id, stateFile), Err: fmt.Errorf("state %q is unknown", st.State)}
}

func (s *Store) read(id, name string, v any) error {
	file := s.file(id, name)
	data, err := statefile.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		if name == stateFile && exists(s.file(id, configFile)) {
			return &DamagedError{File: file, Err: err}
		}
		return notFound()
	}
	if errors.Is(err, fs.ErrPermission) {
		return err
	}
	if failed := (*fs.PathError)(nil); errors.As(err, &failed) { // such as a directory, or a pipe
		return &DamagedError{File: file, Err: failed.Err}
	}
	if err := json.Unmarshal(data, v); err != nil {
		return &DamagedError{File: file, Err: err}
	}
	return nil
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

func notFound() error { return vzcontract.Errorf(vzcontract.ErrNotFound, "no such container") }

// A DamagedError is a record that cannot be understood.
type DamagedError struct {
	File string
	Err  error
}

// Error implements error.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("damaged record %s: %v; `vz doctor --repair` moves it aside", e.File, e.Err)
}

// Unwrap gives the class and the cause.
func (e *DamagedError) Unwrap() []error { return []error{vzcontract.ErrInternal, e.Err} }
