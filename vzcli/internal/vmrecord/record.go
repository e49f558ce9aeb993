package vmrecord

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
	"vz.internal/vzcore/config"
)

// A Record is what was asked for; it does not change while the machine exists.
type Record struct {
	Name        string        `json:"name"`
	Created     time.Time     `json:"created"`
	Arch        string        `json:"arch"`
	Accelerator string        `json:"accelerator,omitempty"` // empty is the best that works
	Bundle      string        `json:"bundle,omitempty"`      // directory; empty is found at each start
	Profile     string        `json:"profile"`
	MacOS       *MacOS        `json:"macos,omitempty"` // nil for a Linux guest
	Config      config.Config `json:"config"`          // without what is to boot
}

// MacOS is what was installed on a macOS guest. Its files, see macos.Files, are in the
// machine's directory.
type MacOS struct {
	Version string `json:"version"` // such as 15.6.1
	Build   string `json:"build"`   // such as 24G90
}

// A State is what has become of a machine.
type State struct {
	Status  string    `json:"status"` // running or stopped
	PID     int       `json:"pid,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Stopped time.Time `json:"stopped,omitzero"`
	Reason  string    `json:"reason,omitempty"` // why it broke
}

// The words of State.Status, and what Status makes of them.
const (
	Running = "running"
	Stopped = "stopped"
	Orphan  = "orphan" // it says running, and nobody runs it
)

// A Registry is all records below a state and a runtime directory.
type Registry struct{ Home, Run string }

// Dir is a machine's directory.
func (r Registry) Dir(name string) string { return filepath.Join(r.Home, "vms", name) }

// RunDir is the directory of a running machine's sockets.
func (r Registry) RunDir(name string) string { return filepath.Join(r.Run, "vms", name) }

// Control is the socket of the process that runs the machine.
func (r Registry) Control(name string) string { return filepath.Join(r.RunDir(name), "control.sock") }

// Agent is the socket behind which the guest's agent is.
func (r Registry) Agent(name string) string { return filepath.Join(r.RunDir(name), "agent.sock") }

// Console is the file with what the guest has printed.
func (r Registry) Console(name string) string { return filepath.Join(r.Dir(name), "console.log") }

// Saved is where a machine is saved if nothing else is said.
func (r Registry) Saved(name string) string { return filepath.Join(r.Dir(name), "saved") }

// MacSlots is the directory of the places of macOS guests that run.
func (r Registry) MacSlots() string { return filepath.Join(r.Run, "macos") }

// CheckName returns an error unless name can be that of a machine.
func CheckName(name string) error {
	if len(name) > 40 || !vzcontract.ValidName(name) {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%q is no name of a virtual machine: 1 to 40 letters, digits, dots, dashes", name)
	}
	return nil
}

const (
	configFile = "config.json"
	stateFile  = "state.json"
	lockFile   = "lock"
)

// Create writes a new record. A name in use is an error that matches
// vzcontract.ErrConflict.
func (r Registry) Create(rec Record) (err error) {
	d, err := r.Draft(rec.Name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.Commit(rec)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Open reads a record, or fails with an error that matches vzcontract.ErrNotFound.
func (r Registry) Open(name string) (Record, error) {
	var rec Record
	if err := CheckName(name); err != nil {
		return rec, err
	}
	err := read(filepath.Join(r.Dir(name), configFile), &rec)
	if errors.Is(err, fs.ErrNotExist) {
		return rec, vzcontract.Errorf(vzcontract.ErrNotFound, "there is no virtual machine called %s", name)
	}
	return rec, err
}

// List reads all records. Damaged ones are named in the error, beside the others.
func (r Registry) List() ([]Record, error) {
	entries, err := os.ReadDir(filepath.Join(r.Home, "vms"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Record
	var errs []error
	for _, e := range entries {
		if CheckName(e.Name()) != nil {
			continue
		}
		rec, err := r.Open(e.Name())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, rec)
	}
	return all, errors.Join(errs...)
}

// SetState writes what has become of a machine.
func (r Registry) SetState(name string, s State) error {
	return write(filepath.Join(r.Dir(name), stateFile), s)
}

// Status returns what has become of a machine, with Orphan as a status of its own.
func (r Registry) Status(name string) (State, error) {
	var s State
	if err := read(filepath.Join(r.Dir(name), stateFile), &s); err != nil {
		return s, err
	}
	held, err := r.held(name)
	switch {
	case err != nil:
		return s, err
	case held:
		s.Status = Running
	case s.Status == Running:
		s.Status = Orphan
	}
	return s, nil
}

// Remove removes a machine that nobody runs, with all that it has.
func (r Registry) Remove(name string) error {
	if _, err := r.Open(name); errors.Is(err, vzcontract.ErrNotFound) {
		return err
	}
	lock, err := r.Lock(name)
	if err != nil {
		return err
	}
	defer lock.Close()
	return errors.Join(os.RemoveAll(r.RunDir(name)), os.RemoveAll(r.Dir(name)))
}

func read(path string, v any) error {
	text, err := statefile.Read(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return vzcontract.Errorf(vzcontract.ErrInternal, "parse %s: %v", path, err)
	}
	return nil
}

func write(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	next := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(next, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}
