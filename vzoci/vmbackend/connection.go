package vmbackend

import (
	"context"
	"errors"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/container"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// A connection is one with a machine that runs. As long as it stands the machine
// goes on, so it ends soon after its last use.
type connection struct {
	*container.Runtime
	agent   *vzlinux.Agent
	control *agentproto.Client

	ending sync.Once

	mu   sync.Mutex
	uses int         // guarded by mu
	idle *time.Timer // guarded by mu: ends it
}

// close ends the connection. Later calls do nothing: its idle end may have come first.
func (c *connection) close() error {
	var err error
	c.ending.Do(func() { err = errors.Join(c.agent.Close(), c.control.Close()) })
	return err
}

func (c *connection) lost() bool {
	select {
	case <-c.agent.Done():
		return true
	case <-c.control.Done():
		return true
	default:
		return false
	}
}

// refresh asks for a container's present state and has it written down.
func (c *connection) refresh(ctx context.Context, id guest.ID) (guest.State, error) {
	var state guest.State
	return state, c.control.Call(ctx, guest.MethodRefresh, guest.Of{Record: id}, &state)
}

// reach returns the connection with a machine that runs; vzcontract.ErrConflict if
// it does not. The caller releases it.
func (b *Backend) reach(ctx context.Context, id guest.ID) (c *connection, release func(), err error) {
	c, err = b.connected(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	release = c.use()
	if c.lost() { // it was unused until now, and has just been closed for that
		release()
		if c, err = b.connected(ctx, id); err != nil {
			return nil, nil, err
		}
		release = c.use()
	}
	return c, release, nil
}

func (b *Backend) connected(ctx context.Context, id guest.ID) (*connection, error) {
	b.mu.Lock()
	c := b.guests[id]
	b.mu.Unlock()
	if c != nil && !c.lost() {
		return c, nil
	}
	agent, err := b.store.DialAgent(ctx, id)
	if err != nil {
		return nil, err
	}
	control, err := b.store.Dial(ctx, id)
	if err != nil {
		return nil, errors.Join(err, agent.Close())
	}
	images, _ := b.opts.Images.(vzcontract.LayerCommitter)
	next := &connection{Runtime: container.New(agent, container.Options{Images: images}), agent: agent, control: control}
	b.mu.Lock()
	defer b.mu.Unlock()
	if other := b.guests[id]; other != nil {
		if !other.lost() {
			return other, next.close()
		}
		_ = other.close()
	}
	b.guests[id] = next
	return next, nil
}

// drop ends the connection with a machine.
func (b *Backend) drop(id guest.ID) {
	b.mu.Lock()
	c := b.guests[id]
	delete(b.guests, id)
	b.mu.Unlock()
	if c != nil {
		_ = c.close()
	}
}

// How long between two tries while another process starts or ends a machine.
const (
	firstTry = 2 * time.Millisecond
	lastTry  = 100 * time.Millisecond
)

// boot is reach that starts the machine if it does not run.
func (b *Backend) boot(ctx context.Context, id guest.ID) (*connection, func(), error) {
	for wait := firstTry; ; wait = min(2*wait, lastTry) {
		c, release, err := b.reach(ctx, id)
		if err == nil || !errors.Is(err, vzcontract.ErrConflict) {
			return c, release, err
		}
		if err := b.opts.Launch(ctx, string(id)); err == nil {
			continue
		} else if !errors.Is(err, vzcontract.ErrConflict) {
			return nil, nil, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// end ends a machine at once and returns when nothing of it runs any more.
func (b *Backend) end(ctx context.Context, id guest.ID) error {
	return b.endWith(ctx, id, guest.Stop{Force: true})
}

func (b *Backend) endWith(ctx context.Context, id guest.ID, how guest.Stop) error {
	b.drop(id)
	control, err := b.store.Dial(ctx, id)
	if errors.Is(err, vzcontract.ErrConflict) {
		return nil
	}
	if err != nil {
		return err
	}
	defer control.Close()
	err = control.Call(ctx, guest.MethodStop, how, nil)
	if errors.Is(err, vzcontract.ErrUnavailable) { // it went before it could answer
		return nil
	}
	return err
}
