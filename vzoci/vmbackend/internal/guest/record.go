package guest

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux/agentproto"
)

// An ID names a machine: 32 hexadecimal digits.
type ID string

var idPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{32}$`) })

// NewID returns an ID that was never used.
func NewID() ID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return ID(hex.EncodeToString(b[:]))
}

// A Record is how a machine and its container were made.
type Record struct {
	ID      ID        `json:"id"`
	Created time.Time `json:"created"`
	// Config is as the caller gave it, Run as the guest gets it.
	Config vzcontract.RunConfig      `json:"config"`
	Run    vzcontract.RunConfig      `json:"run"`
	Images []agentproto.ImageProvide `json:"images,omitempty"`
	CPUs   int                       `json:"cpus"`
	Memory uint64                    `json:"memory"`
	Disk   int64                     `json:"disk,omitempty"` // bytes; 0 is DiskSize
	MAC    string                    `json:"mac,omitempty"`  // empty without a network of its own
	// Cards: the container joins the host's networks, and has all of the guest's.
	Cards bool `json:"cards,omitempty"`
	// Attach are networks joined after the container was made, Detach those left.
	Attach  []vzcontract.NetworkAttach `json:"attach,omitempty"`
	Detach  []string                   `json:"detach,omitempty"`
	Entries []config.Entry             `json:"entries,omitempty"`
	Volumes []Volume                   `json:"volumes,omitempty"`
	// Mounts are all that the container has of the host, as the host names it.
	Mounts []vzcontract.Mount       `json:"mounts,omitempty"`
	Ports  []vzcontract.PortMapping `json:"ports,omitempty"`
	Bundle string                   `json:"bundle,omitempty"` // directory; empty finds one
	From   *Origin                  `json:"from,omitempty"`   // of one that was forked, in a machine of its own

	// Shared names a machine for several containers, which has none itself, and
	// Networks are those of its guest. A container of it has a record of its own,
	// whose In is the machine.
	Shared   string                   `json:"shared,omitempty"`
	Networks []vzcontract.NetworkInfo `json:"networks,omitempty"`
	In       ID                       `json:"in,omitempty"`
}

// An Origin is the checkpoint that a container was forked from. A machine of its own has
// a copy of the other one's disk, on which the guest finds the checkpoint; then it
// removes the container that came with it.
type Origin struct {
	Record     ID     `json:"record"`
	Container  string `json:"container"` // its id
	Checkpoint string `json:"checkpoint"`
}

// DiskBytes is the size of the machine's disk.
func (r Record) DiskBytes() int64 { return cmp.Or(r.Disk, DiskSize) }

// Inherited tells whether the guest's container of that id is the one that came with
// the disk, and not the record's.
func (r Record) Inherited(container string) bool {
	return r.From != nil && r.From.Container == container
}

// A Volume of the host is an entry of the machine's share, and stands in the guest
// for the guest's volume of that name.
type Volume struct {
	Name  string `json:"name"`
	Entry string `json:"entry"`
	// Anonymous: it was made for this container, and goes with it if asked.
	Anonymous bool `json:"anonymous,omitempty"`
}

// A State is what was last known of a container.
type State struct {
	Info  vzcontract.ContainerInfo   `json:"info"`
	Ports []vzcontract.PublishedPort `json:"ports,omitempty"`
	// Networks are its places on the host's.
	Networks []vzcontract.NetworkEndpoint `json:"networks,omitempty"`
	// Gone: the guest has removed its container.
	Gone bool `json:"gone,omitempty"`
}

// AnonymousVolumes are the names of the volumes that were made for the container.
func (r Record) AnonymousVolumes() []string {
	var names []string
	for _, v := range r.Volumes {
		if v.Anonymous {
			names = append(names, v.Name)
		}
	}
	return names
}

// A Store is the records below two directories. Its methods are safe for concurrent
// use, by several processes too.
type Store struct{ Home, Run string }

// Names of files.
const (
	recordFile = "record.json"
	stateFile  = "state.json"
	lockFile   = "lock"
	makingFile = "making" // another lock
	phaseFile  = "phase"
	goneDir    = "gone"
)

// Dir is a machine's directory.
func (s Store) Dir(id ID) string { return filepath.Join(s.Home, string(id)) }

// RunDir is a machine's directory of what lives as long as it runs.
func (s Store) RunDir(id ID) string { return filepath.Join(s.Run, string(id)) }

// Agent is the socket that leads to the guest's agent.
func (s Store) Agent(id ID) string { return filepath.Join(s.RunDir(id), "agent") }

// Control is the socket of the process that runs the machine.
func (s Store) Control(id ID) string { return filepath.Join(s.RunDir(id), "control") }

// Disk is the disk with the guest's containers.
func (s Store) Disk(id ID) string { return filepath.Join(s.Dir(id), "state.img") }

// Etc is the directory of the container's files hosts, hostname and resolv.conf.
func (s Store) Etc(id ID) string { return filepath.Join(s.Dir(id), "etc") }

// Console is what the guest prints.
func (s Store) Console(id ID) string { return filepath.Join(s.Dir(id), "console.log") }

// Make makes the directory of a new machine with its record.
func (s Store) Make(r Record) error {
	if err := os.MkdirAll(s.Home, 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(s.Dir(r.ID), 0o700); err != nil {
		return err
	}
	return write(filepath.Join(s.Dir(r.ID), recordFile), r)
}

// Save writes a record anew.
func (s Store) Save(r Record) error { return write(filepath.Join(s.Dir(r.ID), recordFile), r) }

// Open reads a record.
func (s Store) Open(id ID) (Record, error) {
	var r Record
	if !idPattern().MatchString(string(id)) {
		return r, vzcontract.Errorf(vzcontract.ErrValidation, "%q is no id of a machine", id)
	}
	err := read(filepath.Join(s.Dir(id), recordFile), &r)
	if errors.Is(err, fs.ErrNotExist) {
		return r, vzcontract.Errorf(vzcontract.ErrNotFound, "there is no machine %s", id)
	}
	return r, err
}

// SetState writes what is known of a container.
func (s Store) SetState(id ID, state State) error {
	return write(filepath.Join(s.Dir(id), stateFile), state)
}

// State reads it. Before there is a container it is zero.
func (s Store) State(id ID) (State, error) {
	var state State
	err := read(filepath.Join(s.Dir(id), stateFile), &state)
	if errors.Is(err, fs.ErrNotExist) {
		return state, nil
	}
	return state, err
}

// List returns the ids of all machines.
func (s Store) List() ([]ID, error) {
	entries, err := os.ReadDir(s.Home)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []ID
	for _, e := range entries {
		if idPattern().MatchString(e.Name()) {
			ids = append(ids, ID(e.Name()))
		}
	}
	return ids, nil
}

// Remove removes all of a machine, and notes that what it leased can be released.
// The caller holds its lock.
func (s Store) Remove(id ID) error {
	gone := filepath.Join(s.Home, goneDir)
	if err := os.MkdirAll(gone, 0o700); err != nil {
		return err
	}
	images := 1 // a damaged record has leased at least one
	if r, err := s.Open(id); err == nil {
		images = len(r.Images)
	}
	if err := os.WriteFile(filepath.Join(gone, string(id)), []byte(strconv.Itoa(images)), 0o600); err != nil {
		return err
	}
	// Without its record it is no machine any more, whatever else fails.
	err := os.Remove(filepath.Join(s.Dir(id), recordFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(s.Dir(id)), os.RemoveAll(s.RunDir(id)))
}

// Gone calls release for each machine that was removed, with the number of images
// that it had, and forgets it.
func (s Store) Gone(release func(id ID, images int) error) error {
	entries, err := os.ReadDir(filepath.Join(s.Home, goneDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		file := filepath.Join(s.Home, goneDir, e.Name())
		var images int
		err := read(file, &images)
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process does it
		}
		if err != nil {
			images = 1
		}
		if err := release(ID(e.Name()), images); err != nil {
			return err
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func read(path string, v any) error {
	text, err := statefile.Read(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("parse %s: %w", path, err)
	}
	return nil
}

func write(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// At returns the records below the directories of a backend.
func At(home, run string) Store {
	return Store{Home: filepath.Join(home, "guests"), Run: filepath.Join(run, "guests")}
}

// What a machine has besides its kernel, as both sides know it.
const (
	DiskID    = "state"       // of the disk with the guest's containers
	DiskSize  = 64 << 30      // what it has for them without a limit; it takes what was written
	StatePath = "/var/lib/vz" // where that is mounted
	ShareTag  = "vz"          // of what the host shares
	SharePath = "/mnt/vz"     // where that is mounted
)
