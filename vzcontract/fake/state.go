package fake

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/tree"
)

// state is all that a backend knows; with a directory it is a file there.
type state struct {
	Containers map[string]*container            `json:"containers"` // by id
	Images     map[string]*image                `json:"images"`     // by id
	Networks   map[string]*network              `json:"networks"`   // by name
	Volumes    map[string]*volume               `json:"volumes"`    // by name
	Events     []vzcontract.Event               `json:"events"`
	Dropped    int                              `json:"dropped"` // events forgotten
	Ended      map[string]vzcontract.ExitStatus `json:"ended"`   // last exits of removed containers
	Serial     int                              `json:"serial"`  // for ids, host pids, addresses and ports
}

// A container is its record; a run exists besides it while this process runs it.
type container struct {
	Info        vzcontract.ContainerInfo `json:"info"`
	Serial      int                      `json:"serial"`
	Root        *store                   `json:"root"`
	Base        *store                   `json:"base"` // what Root was made from
	Logs        []logLine                `json:"logs,omitempty"`
	LogBase     int                      `json:"logBase,omitempty"` // lines that rotation dropped
	StopAsked   bool                     `json:"stopAsked,omitempty"`
	Kept        bool                     `json:"kept,omitempty"`    // a start follows the stop
	Owner       string                   `json:"owner,omitempty"`   // lock file of the process that runs it
	Traps       map[int]string           `json:"traps,omitempty"`   // once nobody runs it
	Pending     []int                    `json:"pending,omitempty"` // signals for the owner
	Checkpoints map[string]*store        `json:"checkpoints,omitempty"`

	// Added are the targets of the mounts that came after create.
	Added []string `json:"added,omitempty"`

	removed bool
}

type logLine struct {
	Time   time.Time `json:"t"`
	Stream string    `json:"s"`
	Line   []byte    `json:"l"`
}

// A store is a file tree that knows how to be written as JSON.
type store struct{ *tree.Mem }

// MarshalJSON implements json.Marshaler.
func (s *store) MarshalJSON() ([]byte, error) { return json.Marshal(s.Nodes()) }

// UnmarshalJSON implements json.Unmarshaler.
func (s *store) UnmarshalJSON(data []byte) error {
	var nodes map[string]tree.Node
	if err := json.Unmarshal(data, &nodes); err != nil {
		return err
	}
	s.Mem = tree.FromNodes(nodes)
	return nil
}

func newState() *state {
	s := &state{
		Containers: map[string]*container{}, Images: map[string]*image{},
		Networks: map[string]*network{}, Volumes: map[string]*volume{}, Ended: map[string]vzcontract.ExitStatus{},
	}
	for _, name := range []string{"bridge", "host", "none"} {
		s.Serial++
		s.Networks[name] = newNetwork(vzcontract.NetworkConfig{Name: name, Driver: name}, s.Serial)
	}
	return s
}

// lock takes the backend for one operation: with a directory also against
// other processes, and with their changes read. The returned function saves
// and unlocks.
func (b *Backend) lock() (unlock func(), err error) {
	b.mu.Lock()
	if b.dir == "" {
		return b.mu.Unlock, nil
	}
	fail := func(err error) (func(), error) {
		b.mu.Unlock()
		return nil, vzcontract.Errorf(vzcontract.ErrUnavailable, "fake backend: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(b.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fail(err)
	}
	if err := flock(file, syscall.LOCK_EX); err != nil {
		_ = file.Close()
		return fail(err)
	}
	if err := b.load(); err != nil {
		_ = file.Close()
		return fail(err)
	}
	b.settleOrphans()
	return func() {
		if b.dirty {
			if err := b.save(); err != nil {
				panic("fake backend: save state: " + err.Error())
			}
		}
		_ = file.Close() // which unlocks
		b.mu.Unlock()
	}, nil
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func (b *Backend) stateFile() string { return filepath.Join(b.dir, "state.json") }

func (b *Backend) load() error {
	info, err := os.Stat(b.stateFile())
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.ModTime().Equal(b.stamp) {
		return nil
	}
	if err != nil {
		return err
	}
	data, err := os.ReadFile(b.stateFile())
	if err != nil {
		return err
	}
	next := newState()
	if err := json.Unmarshal(data, next); err != nil {
		return err
	}
	// What this process runs it knows best; others only leave signals.
	for id, r := range b.runs {
		theirs, ours := next.Containers[id], b.st.Containers[id]
		if theirs == nil || ours == nil {
			continue
		}
		for _, sig := range theirs.Pending {
			r.signal(sig)
		}
		ours.StopAsked, ours.Kept = ours.StopAsked || theirs.StopAsked, theirs.Kept
		ours.Info.Name = theirs.Info.Name
		if len(theirs.Pending) > 0 {
			b.dirty = true
		}
		next.Containers[id] = ours
		for _, m := range r.volumes {
			if v := next.Volumes[m]; v != nil && b.st.Volumes[m] != nil {
				v.Files = b.st.Volumes[m].Files
			}
		}
	}
	for id, c := range b.st.Containers {
		c.removed = next.Containers[id] == nil
	}
	b.st, b.stamp = next, info.ModTime()
	close(b.changed)
	b.changed = make(chan struct{})
	return nil
}

func (b *Backend) save() error {
	data, err := json.Marshal(b.st)
	if err != nil {
		return err
	}
	temp := b.stateFile() + ".tmp"
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return err
	}
	// Two saves must differ in time even on a coarse clock.
	stamp := time.Now()
	if !stamp.After(b.stamp) {
		stamp = b.stamp.Add(time.Microsecond)
	}
	if err := os.Chtimes(temp, stamp, stamp); err != nil {
		return err
	}
	if err := os.Rename(temp, b.stateFile()); err != nil {
		return err
	}
	info, err := os.Stat(b.stateFile())
	if err != nil {
		return err
	}
	b.stamp, b.dirty = info.ModTime(), false
	return nil
}

// own makes the lock file that shows that this process lives, under the lock.
func (b *Backend) own() (string, error) {
	if b.dir == "" {
		return "", nil
	}
	if b.owner == nil {
		name := filepath.Join(b.dir, "owner-"+strconv.Itoa(os.Getpid())+"-"+randomID()[:8])
		file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return "", err
		}
		if err := flock(file, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			_ = file.Close()
			return "", err
		}
		b.owner = file
		b.goes(b.watch)
	}
	return b.owner.Name(), nil
}

// watch reads what others ask of this process's containers.
func (b *Backend) watch() {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-b.life.Done():
			return
		}
		unlock, err := b.lock()
		if err != nil {
			continue // the next operation of the caller reports it
		}
		unlock()
	}
}

// alive reports whether the process that runs c lives.
func (b *Backend) alive(c *container) bool {
	if b.runs[c.Info.ID] != nil {
		return true
	}
	if c.Owner == "" {
		return false
	}
	file, err := os.Open(c.Owner)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }() // which unlocks
	return errors.Is(flock(file, syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
