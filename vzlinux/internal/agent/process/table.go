package process

import (
	"maps"
	"slices"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// maxProcesses is how many programs may run or wait to be asked how they ended.
const maxProcesses = 4096

// A Table holds the programs of one control connection, or the detached ones of
// all. The zero value is ready to use.
type Table struct {
	mu    sync.Mutex
	all   map[string]*Process // guarded by mu
	left  []*Process          // guarded by mu: forgotten, with children that live on
	ended bool                // guarded by mu
}

// reserve takes an id, so that no two programs get the same.
func (t *Table) reserve(id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case id == "" || len(id) > 128:
		return vzcontract.Errorf(vzcontract.ErrValidation, "the id of a program has 1 to 128 characters, not %d", len(id))
	case t.ended:
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "the connection that started programs has ended")
	case len(t.all) >= maxProcesses:
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "%d programs are known, no more are allowed", maxProcesses)
	}
	if _, used := t.all[id]; used {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the program id %q is in use", id)
	}
	if t.all == nil {
		t.all = map[string]*Process{}
	}
	t.all[id] = nil
	return nil
}

// settle puts p, or nothing, where reserve took a place. It returns false if the
// table has ended meanwhile.
func (t *Table) settle(id string, p *Process) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p == nil || t.ended {
		delete(t.all, id)
		return !t.ended
	}
	t.all[id] = p
	return true
}

// Get returns the program called id, or an error matching
// vzcontract.ErrNotFound.
func (t *Table) Get(id string) (*Process, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.all[id]; p != nil {
		return p, nil
	}
	return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "there is no program with the id %q", id)
}

// Forget removes a program that has ended. Children of it that live on are still
// ended with the table.
func (t *Table) Forget(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.all[id]; p != nil {
		delete(t.all, id)
		t.left = append(t.left, p)
	}
	t.left = slices.DeleteFunc(t.left, func(p *Process) bool { return p.group.remove() })
}

// End ends all programs: TERM, after the grace KILL to the whole tree of each. It
// returns when they are gone; nothing starts in the table any more.
func (t *Table) End() {
	t.mu.Lock()
	t.ended = true
	all := append(t.left, slices.Collect(maps.Values(t.all))...)
	t.all, t.left = nil, nil
	t.mu.Unlock()
	var wait sync.WaitGroup
	for _, p := range all {
		if p != nil {
			wait.Go(p.end)
		}
	}
	wait.Wait()
}

// Start starts the program of req; its streams get tokens of streams.
func (t *Table) Start(req agentproto.ExecRequest, streams *agentproto.Streams) (agentproto.ExecStarted, error) {
	if err := t.reserve(req.ID); err != nil {
		return agentproto.ExecStarted{}, err
	}
	p, started, err := start(req, streams)
	if err != nil {
		t.settle(req.ID, nil)
		return agentproto.ExecStarted{}, err
	}
	if !t.settle(req.ID, p) {
		p.end()
		return agentproto.ExecStarted{}, vzcontract.Errorf(vzcontract.ErrUnavailable, "the connection that started programs has ended")
	}
	return started, nil
}
