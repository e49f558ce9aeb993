//go:build linux

package record

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
)

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// lock takes the lock of a container's record; closing the file frees it.
func (s *Store) lock(id string) (*os.File, error) {
	f, err := os.OpenFile(s.file(id, lockFile), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound()
	}
	if err != nil {
		return nil, err
	}
	if err := flock(f, unix.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil || st.Nlink == 0 {
		f.Close()
		return nil, notFound() // removed while we waited
	}
	return f, nil
}

// sweeping takes the lock that the beginning of a creation shares, and that
// those who remove abandoned ones have alone.
func (s *Store) sweeping(how int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(s.home, "names.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f, how); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Update changes the state of a container under its lock. An error of change
// leaves the record as it was and is returned.
func (s *Store) Update(id string, change func(*State) error) (*State, error) {
	lock, err := s.lock(id)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	st, err := s.State(id)
	if err != nil {
		return nil, err
	}
	if err := change(st); err != nil {
		return nil, err
	}
	return st, write(s.file(id, stateFile), st)
}

// A Watch keeps what is needed to tell the last exit of a container that is
// being removed.
type Watch struct{ lock *os.File }

// Watch opens the lock file, into which Remove writes the last exit. The
// caller closes it.
func (s *Store) Watch(id string) (*Watch, error) {
	f, err := statefile.Open(s.file(id, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound()
	}
	if err != nil {
		return nil, err
	}
	return &Watch{lock: f}, nil
}

// Exit returns the last exit once the record is gone; zero if it never ran.
func (w *Watch) Exit() vzcontract.ExitStatus {
	var exit vzcontract.ExitStatus
	buf := make([]byte, 512)
	n, _ := w.lock.ReadAt(buf, 0)
	_ = json.Unmarshal(buf[:n], &exit) // of a container that never ran nothing is there
	return exit
}

// Close ends the watch.
func (w *Watch) Close() error { return w.lock.Close() }
