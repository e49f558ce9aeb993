package guest

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

// An Added is a bind that a container got after it was made, with its entry of the share.
type Added struct {
	Mount vzcontract.Mount `json:"mount"` // as the caller gave it
	Entry config.Entry     `json:"entry"`
}

// Inside is the mount as the guest gets it.
func (a Added) Inside() vzcontract.Mount {
	m := a.Mount
	m.Source, m.CreateSource = a.Source(), false
	return m
}

// Source is where the guest has the entry.
func (a Added) Source() string { return path.Join(SharePath, a.Entry.Name) }

// A Mount is what a container gets, or loses, of which the mount's target counts.
type Mount struct {
	Of
	Added
}

// addedFile is written by the process that runs the machine alone.
const addedFile = "mounts.json"

// Added are the binds that a container got after it was made. Whether the guest has them
// all its own list tells: the process that runs the machine may have been killed between
// the two.
func (s Store) Added(id ID) (all []Added, err error) {
	err = read(filepath.Join(s.Dir(id), addedFile), &all)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return all, err
}

// SetAdded writes them down.
func (s Store) SetAdded(id ID, all []Added) error {
	return write(filepath.Join(s.Dir(id), addedFile), all)
}
