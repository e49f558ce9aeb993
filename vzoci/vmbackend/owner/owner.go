package owner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/container"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// Times that a guest may take.
const (
	bootTime     = 2 * time.Minute // to boot to its agent, on a busy host
	shutdownTime = 20 * time.Second
)

// DefaultIdle is how long a machine whose container does not run waits for somebody
// who speaks with it.
const DefaultIdle = 3 * time.Second

// Options say which machine to run and how.
type Options struct {
	// Home and Run are the directories that the backend was opened with.
	Home, Run string
	// Machine is the machine's id.
	Machine string
	// Driver opens machines for guests of Arch.
	Driver vzcore.Driver
	Arch   string
	// Ready is called once when the guest can be used.
	Ready func()
	// Idle replaces DefaultIdle.
	Idle time.Duration
	// Cold boots the guest also where it could start from a warm snapshot.
	Cold bool
	// Booted is called once, after Ready, when a guest had to boot: a snapshot would
	// make machines like it start faster. Nil makes none.
	Booted func(Template)
	// Format makes a disk with an empty ext4 file system; nil is MakeDisk.
	Format func(ctx context.Context, path string) error
	// Log takes what is odd and no error. The default discards it.
	Log *slog.Logger
}

// An owner is one machine that runs.
type owner struct {
	store   guest.Store
	record  guest.Record
	idle    time.Duration
	vm      *vzcore.VM
	fresh   bool // there was no container yet when it started
	warm    bool // it has started from a snapshot
	agent   *vzlinux.Agent
	runtime *container.Runtime
	ports   *ports
	wake    chan struct{} // holds one value if there is something to look at
	stop    chan bool     // whether at once
	gone    chan struct{} // closed when the container's removal was noted

	mu      sync.Mutex
	callers int // guarded by mu: connections to the agent

	clock time.Time // when the guest's was set

	refreshing sync.Mutex  // held while the guest is asked for its state
	state      guest.State // guarded by refreshing
	closed     bool        // guarded by refreshing: the files are somebody else's
	seen       bool        // guarded by refreshing: the guest has had its container in this run
}

// Run runs a machine until its container has stopped and nobody needs it. One that
// runs already is vzcontract.ErrConflict.
func Run(ctx context.Context, opts Options) (err error) {
	store := guest.At(opts.Home, opts.Run)
	id := guest.ID(opts.Machine)
	record, err := store.Open(id)
	if err != nil {
		return err
	}
	lock, err := store.TryLock(id)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := errors.Join(os.RemoveAll(store.RunDir(id)), os.MkdirAll(store.RunDir(id), 0o700)); err != nil {
		return err
	}
	o := &owner{
		store: store, record: record, idle: opts.Idle, ports: &ports{},
		wake: make(chan struct{}, 1), stop: make(chan bool, 1), gone: make(chan struct{}),
	}
	if o.idle == 0 {
		o.idle = DefaultIdle
	}
	if o.state, err = store.State(id); err != nil {
		return err
	}
	o.fresh = o.state.Info.ID == ""
	defer func() {
		o.refreshing.Lock()
		defer o.refreshing.Unlock()
		o.closed = true
		o.ports.close()
		if o.state.Gone || o.state.Info.ID == "" {
			// What removes itself takes the volumes that were made for it along.
			if o.state.Gone && record.Config.AutoRemove {
				err = errors.Join(err, o.removeVolumes())
			}
			err = errors.Join(err, store.Remove(id))
			return
		}
		err = errors.Join(err, os.RemoveAll(store.RunDir(id)))
	}()
	if opts.Format == nil {
		opts.Format = MakeDisk
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if err := o.boot(ctx, opts); err != nil {
		return err
	}
	defer o.vm.Close()
	return o.serve(ctx, func() {
		if opts.Ready != nil {
			opts.Ready()
		}
		if !o.warm && !opts.Cold && opts.Booted != nil {
			opts.Booted(o.template(opts))
		}
	})
}

// serve lets others use the machine until its time is over.
func (o *owner) serve(ctx context.Context, ready func()) error {
	control, err := net.Listen("unix", o.store.Control(o.record.ID))
	if err != nil {
		return fmt.Errorf("listen for control: %w", err)
	}
	defer control.Close()
	agent, err := net.Listen("unix", o.store.Agent(o.record.ID))
	if err != nil {
		return fmt.Errorf("listen for the agent: %w", err)
	}
	defer agent.Close()
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	go agentproto.Listen(life, control, guest.Hello, agentproto.HandlerFunc(o.handle))
	go o.proxy(life, agent)
	go o.follow(life)
	ready()
	force := o.live(ctx)
	// The state is as it will be found; nobody is let in any more.
	_ = agent.Close()
	if !force {
		if _, err := o.refresh(life); err != nil {
			force = true
		}
	}
	return o.end(life, force)
}

// live returns when the machine's time is over, and whether at once.
func (o *owner) live(ctx context.Context) (force bool) {
	ended := make(chan struct{})
	go func() {
		_ = o.vm.Wait(context.WithoutCancel(ctx))
		close(ended)
	}()
	idle := time.NewTimer(o.idle)
	defer idle.Stop()
	for {
		select {
		case <-o.wake:
			if o.needed(ctx) {
				idle.Stop()
			} else {
				idle.Reset(o.idle)
			}
		case <-idle.C:
			if !o.needed(ctx) {
				return false
			}
		case force := <-o.stop:
			return force
		case <-ended:
			return true
		case <-ctx.Done():
			return false
		}
	}
}

// needed tells whether the container runs or somebody speaks with the guest.
func (o *owner) needed(ctx context.Context) bool {
	o.mu.Lock()
	callers := o.callers
	o.mu.Unlock()
	if callers > 0 {
		return true
	}
	state, err := o.refresh(ctx)
	return err == nil && running(state.Info) && !state.Gone
}

func running(info vzcontract.ContainerInfo) bool {
	return info.State == vzcontract.StateRunning || info.State == vzcontract.StatePaused || info.Restarting
}

func (o *owner) awake() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// follow notes what happens to the guest's container, and looks at it each time. What
// happened since the guest has its clock counts.
func (o *owner) follow(ctx context.Context) {
	removed := false
	defer func() {
		if !removed { // nobody will hear of it any more
			close(o.gone)
		}
	}()
	_ = o.runtime.Events(ctx, vzcontract.EventOptions{Since: o.clock}, func(e vzcontract.Event) error {
		state, err := o.refresh(ctx)
		if err != nil {
			return err
		}
		if err := o.store.Emit(o.named(e)); err != nil {
			return err
		}
		if state.Gone && e.Action == "destroy" && !removed {
			removed = true
			close(o.gone)
		}
		o.awake()
		return nil
	})
}

// named gives an event of the container the names that it has for the host.
func (o *owner) named(e vzcontract.Event) vzcontract.Event {
	if e.Type == "container" && o.record.Config.Image != "" && e.Attributes != nil {
		e.Attributes["image"] = o.record.Config.Image
	}
	return e
}

// refresh asks the guest for its container and writes down what changed.
func (o *owner) refresh(ctx context.Context) (guest.State, error) {
	o.refreshing.Lock()
	defer o.refreshing.Unlock()
	if o.closed {
		return o.state, vzcontract.Errorf(vzcontract.ErrUnavailable, "the machine has ended")
	}
	list, err := o.runtime.List(ctx)
	if err != nil {
		return o.state, err
	}
	next := o.state
	switch {
	case len(list) > 0:
		next.Info, o.seen = list[0], true
	case o.seen:
		next.Gone = true
	case next.Info.ID != "":
		// A guest that has lost its container has not removed it.
		return next, vzcontract.Errorf(vzcontract.ErrInternal, "the guest does not know its container any more; its disk is %s", o.store.Disk(o.record.ID))
	}
	if next.Gone || !running(next.Info) {
		o.ports.close()
	}
	next.Ports = o.ports.published()
	if same(next, o.state) {
		return next, nil
	}
	o.state = next
	if next.Info.ID == "" {
		return next, nil
	}
	return next, o.store.SetState(o.record.ID, next)
}

func same(a, b guest.State) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// end shuts the guest down, or ends it.
func (o *owner) end(ctx context.Context, force bool) error {
	if !force {
		ctx, cancel := context.WithTimeout(ctx, shutdownTime)
		defer cancel()
		if o.agent.Shutdown(ctx) == nil && o.vm.Wait(ctx) == nil {
			return nil
		}
	}
	return o.vm.Stop(ctx)
}

// handle does a request of the control socket.
func (o *owner) handle(ctx context.Context, method string, body json.RawMessage) (any, error) {
	switch method {
	case guest.MethodRefresh:
		return o.refresh(ctx)
	case guest.MethodPublish:
		if err := o.ports.publish(ctx, o.record.Ports, o.dialContainer); err != nil {
			return nil, err
		}
		return o.ports.published(), nil
	case guest.MethodGone:
		select {
		case <-o.gone:
			return struct{}{}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case guest.MethodStop:
		var req guest.Stop
		if err := json.Unmarshal(body, &req); err != nil {
			return nil, vzcontract.Errorf(vzcontract.ErrValidation, "parse the request: %v", err)
		}
		select {
		case o.stop <- req.Force:
		default: // it is stopping
		}
		// The machine's end ends this process too, and ctx with it.
		_ = o.vm.Wait(context.WithoutCancel(ctx)) // however it ended
		return struct{}{}, nil
	}
	return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "the request %q", method)
}
