package vzsandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
	"vz.internal/vzsandbox/internal/lock"
)

// A record is what changes of a sandbox and its container does not know. One that does
// not exist is the zero one.
type record struct {
	Version int `json:"version"`
	// Unfinished: files are still being copied into the new sandbox.
	Unfinished bool `json:"unfinished,omitempty"`
	// Draining: it is being removed.
	Draining bool `json:"draining,omitempty"`
	// Restoring is the snapshot that a restore has begun to put back.
	Restoring string     `json:"restoring,omitempty"`
	Snapshots []Snapshot `json:"snapshots,omitempty"`
	// Base is the snapshot that the files were last the same as.
	Base   string  `json:"base,omitempty"`
	Origin *Origin `json:"origin,omitempty"`

	// Taken: it was handed out by its pool. Kept: it is none of the pool's any more.
	Taken bool `json:"taken,omitempty"`
	Kept  bool `json:"kept,omitempty"`
	// What a taken one got besides what its pool made it with.
	Project  *Project          `json:"project,omitempty"`
	Labels   map[string]string `json:"labels,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Expires  time.Time         `json:"expires,omitzero"`
}

const recordVersion = 1

// records are the files <id>.json, and <id>.lock, whose time is that of the last use.
type records struct{ dir string }

func (r records) file(id string) string   { return filepath.Join(r.dir, id+".json") }
func (r records) inUse(id string) string  { return filepath.Join(r.dir, id+".lock") }
func (r records) change() string          { return filepath.Join(r.dir, changeLock) }
func (r records) pool(name string) string { return filepath.Join(r.dir, name) }

// creating marks that a sandbox is being made, until done is called: none that does not
// run yet is taken for one whose maker was killed.
func (r records) creating() (done func(), err error) {
	f, err := r.lockCreation(syscall.LOCK_SH)
	if err != nil {
		return nil, err
	}
	return func() { _ = f.Close() }, nil // which unlocks
}

func (r records) lockCreation(how int) (*os.File, error) {
	if err := r.makeDir(); err != nil {
		return nil, err
	}
	f, err := lock.Open(filepath.Join(r.dir, creationLock), how)
	if err != nil && !errors.Is(err, lock.ErrHeld) {
		err = fmt.Errorf("lock the making of sandboxes: %w", err)
	}
	return f, err
}

// The files in the directory that are no sandbox's.
const (
	changeLock   = "records.lock"
	creationLock = "creation.lock"
)

// makeDir makes the directory.
func (r records) makeDir() error { return os.MkdirAll(r.dir, 0o700) }

// read returns a record. A damaged one is moved aside and an error, the next read gives
// an empty one.
func (r records) read(id string) (record, error) {
	var rec record
	data, err := statefile.Read(r.file(id))
	if errors.Is(err, fs.ErrNotExist) {
		return rec, nil
	}
	if err != nil && !errors.Is(err, statefile.ErrIrregular) {
		return rec, err
	}
	if err == nil {
		err = json.Unmarshal(data, &rec)
	}
	if err == nil && rec.Version <= recordVersion {
		return rec, nil
	}
	if err == nil {
		return record{}, vzcontract.Errorf(vzcontract.ErrInternal, "read %s: it was written by a newer vz", r.file(id))
	}
	aside := r.file(id) + ".damaged"
	return record{}, errors.Join(vzcontract.Errorf(vzcontract.ErrInternal,
		"read %s: %w: what it knew of snapshots is lost; it was moved to %s", r.file(id), err, aside), os.Rename(r.file(id), aside))
}

// update changes a record, one change at a time among all processes. An error of change
// leaves it as it was and is returned.
func (r records) update(id string, change func(*record) error) error {
	if err := r.makeDir(); err != nil {
		return err
	}
	held, err := lock.Open(r.change(), syscall.LOCK_EX)
	if err != nil {
		return fmt.Errorf("lock the records of sandboxes: %w", err)
	}
	defer func() { _ = held.Close() }() // which unlocks
	rec, err := r.read(id)
	if err != nil {
		return err
	}
	if err := change(&rec); err != nil {
		return err
	}
	rec.Version = recordVersion
	data, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	temp := r.file(id) + ".tmp"
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return errors.Join(err, remove(temp))
	}
	return os.Rename(temp, r.file(id))
}

// forget removes what is kept of a sandbox that is gone.
func (r records) forget(id string) error { return errors.Join(remove(r.file(id)), remove(r.inUse(id))) }

// remove removes a file that may not be there.
func remove(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// join is errors.Join of a list.
func join(errs []error) error { return errors.Join(errs...) }
