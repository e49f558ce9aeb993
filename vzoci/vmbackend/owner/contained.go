package owner

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// A contained is one container of the machine.
type contained struct {
	record guest.Record
	ports  *ports
	gone   chan struct{} // closed when its removal was noted
	once   sync.Once     // for gone

	furnished bool           // guarded by the owner's sharing: the guest has what it needs of the host
	added     []guest.Added  // guarded by the owner's sharing: what it got after it was made
	more      []config.Entry // guarded by the owner's sharing: those of them that the share has

	wanted atomic.Int64 // how often the present state was asked for
	mu     sync.Mutex   // held while the guest is asked for its state
	state  guest.State  // guarded by mu
	told   int64        // guarded by mu: how many of these the state answers
	hint   string       // guarded by mu: its id by an event, before the state has it
	closed bool         // guarded by mu: the files are somebody else's
	seen   bool         // guarded by mu: the guest has had it in this run
	// starting is guarded by mu: since something was published for a start, when the
	// last one was.
	starting *time.Time
}

func newContained(r guest.Record, state guest.State) *contained {
	return &contained{record: r, ports: &ports{}, gone: make(chan struct{}), state: state}
}

func (c *contained) leave() { c.once.Do(func() { close(c.gone) }) }

// heard notes what the guest calls it.
func (c *contained) heard(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hint = id
}

// known is what was last known of it.
func (c *contained) known() guest.State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// start notes that something was published for a start, the last one having been at
// last; nil is that it has failed.
func (c *contained) start(last *time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.starting = last
}

// close ends its ports and leaves its files to others.
func (c *contained) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.ports.close()
}

// load reads the records of the machine's containers.
func (o *owner) load() error {
	o.contains = map[guest.ID]*contained{}
	ids := []guest.ID{o.record.ID}
	if o.grows() {
		var err error
		if ids, err = o.store.In(o.record.ID); err != nil {
			return err
		}
	}
	for _, id := range ids {
		record, err := o.store.Open(id)
		if errors.Is(err, vzcontract.ErrNotFound) {
			continue // it was removed meanwhile
		}
		if err != nil {
			return err
		}
		state, err := o.store.State(id)
		if err != nil {
			return err
		}
		if !state.Gone || !o.grows() {
			c := newContained(record, state)
			if c.added, err = o.store.Added(id); err != nil {
				return err
			}
			c.more = usable(c.added)
			o.contains[id] = c
		}
	}
	return nil
}

// all returns the containers, in the order in which they were made.
func (o *owner) all() []*contained {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []*contained
	for _, c := range o.contains {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *contained) int { return a.record.Created.Compare(b.record.Created) })
	return all
}

// of returns a container by its record.
func (o *owner) of(id guest.ID) (*contained, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.contains[id]; c != nil {
		return c, nil
	}
	return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "no such container")
}

// refresh asks the guest for a container and writes down what changed. Of those who want
// it at once, one asks.
func (o *owner) refresh(ctx context.Context, c *contained) (guest.State, error) {
	mine := c.wanted.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return c.state, vzcontract.Errorf(vzcontract.ErrUnavailable, "the machine has ended")
	}
	if c.told >= mine { // somebody has asked since
		return c.state, nil
	}
	all := c.wanted.Load()
	state, err := o.look(ctx, c)
	if err == nil {
		c.told = all
	}
	return state, err
}

// look is refresh with c.mu held.
func (o *owner) look(ctx context.Context, c *contained) (guest.State, error) {
	next := c.state
	info, err := o.ask(ctx, c)
	switch {
	case err == nil:
		next.Info, c.seen = info, true
	case !errors.Is(err, vzcontract.ErrNotFound):
		return c.state, err
	case c.seen:
		next.Gone = true
	case next.Info.ID != "":
		// A guest that has lost its container has not removed it.
		return next, vzcontract.Errorf(vzcontract.ErrInternal, "the guest does not know its container any more; its disk is %s", o.store.Disk(o.record.ID))
	}
	if c.starting != nil && (running(next.Info) || next.Gone || !next.Info.StartedAt.Equal(*c.starting)) {
		c.starting = nil
	}
	if next.Gone || c.starting == nil && !running(next.Info) {
		c.ports.close()
		if err := o.net.leave(); err != nil {
			return c.state, err
		}
	}
	next.Ports = c.ports.published()
	if o.net != nil {
		if next.Networks, next.Ports, err = o.net.places(next.Info.Name); err != nil {
			return c.state, err
		}
	}
	if same(next, c.state) {
		return next, nil
	}
	c.state = next
	if next.Info.ID == "" {
		return next, nil
	}
	return next, o.store.SetState(c.record.ID, next)
}

// ask finds a container in the guest. c.mu is held.
func (o *owner) ask(ctx context.Context, c *contained) (vzcontract.ContainerInfo, error) {
	if id := c.state.Info.ID; id != "" {
		return o.runtime.Inspect(ctx, id)
	}
	if c.hint != "" {
		if info, err := o.runtime.Inspect(ctx, c.hint); !errors.Is(err, vzcontract.ErrNotFound) {
			return info, err
		}
	}
	list, err := o.runtime.List(ctx)
	if err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	for _, info := range list {
		if !o.grows() && !c.record.Inherited(info.ID) || info.Config.Annotations[guest.Annotation] == string(c.record.ID) {
			return info, nil
		}
	}
	return vzcontract.ContainerInfo{}, vzcontract.Errorf(vzcontract.ErrNotFound, "the guest has no such container")
}

func running(info vzcontract.ContainerInfo) bool {
	return info.State == vzcontract.StateRunning || info.State == vzcontract.StatePaused || info.Restarting
}

func same(a, b guest.State) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
