package vzstack

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
	"vz.internal/vzstack/compose"
)

// A Record is what is kept of a project besides its containers: where it came
// from, so that commands work without its files and a rebooted host can bring
// it back.
type Record struct {
	Version  int      `json:"version"`
	Project  string   `json:"project"`
	Dir      string   `json:"dir"`
	Files    []string `json:"files"`
	Profiles []string `json:"profiles,omitempty"`
	EnvFiles []string `json:"envFiles,omitempty"`
	// Running: it should run; false after stop.
	Running bool `json:"running"`
	// Changing: a command was changing it when this was written. Where nobody
	// holds the lock, it was interrupted.
	Changing bool `json:"changing,omitempty"`
	// Pulled is when images with a refresh policy were fetched.
	Pulled map[string]time.Time `json:"pulled,omitempty"`
}

const recordVersion = 1

func (s *Stack) recordFile(project string) string {
	return filepath.Join(s.dir(project), "project.json")
}

// Record returns what is kept of a project; ErrNotFound where nothing is.
func (s *Stack) Record(project string) (Record, error) {
	var r Record
	if err := compose.CheckName(project); err != nil {
		return r, err
	}
	data, err := statefile.Read(s.recordFile(project))
	if errors.Is(err, fs.ErrNotExist) {
		return r, vzcontract.Errorf(vzcontract.ErrNotFound, "no project %s: nothing is known of it", project)
	}
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err == nil && r.Version > recordVersion {
		err = errors.New("it was written by a newer vz")
	}
	if err != nil {
		return r, vzcontract.Errorf(vzcontract.ErrInternal, "read %s: %w", s.recordFile(project), err)
	}
	return r, nil
}

// Records returns those of all projects; damaged ones are warned about.
func (s *Stack) Records() ([]Record, error) {
	entries, err := os.ReadDir(s.root())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Record
	for _, e := range entries {
		r, err := s.Record(e.Name())
		switch {
		case err == nil:
			all = append(all, r)
		case !errors.Is(err, vzcontract.ErrNotFound):
			s.cfg.Warn(err.Error())
		}
	}
	return all, nil
}

// keep writes a record, under the project's lock, and only when it changed: a
// write is synced, so that a power loss does not lose the project.
func (s *Stack) keep(r Record) error {
	r.Version = recordVersion
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	name := s.recordFile(r.Project)
	if have, err := statefile.Read(name); err == nil && bytes.Equal(have, data) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".project-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), name)
}

// forget removes all that is kept of a project, under its lock.
func (s *Stack) forget(project string) error { return os.RemoveAll(s.dir(project)) }
