package owner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"slices"
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

// DefaultIdle is how long a machine of which no container runs waits for somebody who
// speaks with it.
const DefaultIdle = 3 * time.Second

// patience is how many times as long the machine waits for the first one: whoever has
// had it boot, on a host that may be busy.
const patience = 20

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
	Format func(ctx context.Context, path string, size int64) error
	// Log takes what is odd and no error. The default discards it.
	Log *slog.Logger
	// Wire returns the part of a new machine in the host's networks, for records
	// of containers that join them; nil refuses those.
	Wire func() Wiring
}

// An owner is one machine that runs.
type owner struct {
	store   guest.Store
	record  guest.Record
	idle    time.Duration
	vm      *vzcore.VM
	fresh   bool // it has never run: it has no disk yet
	warm    bool // it has started from a snapshot
	agent   *vzlinux.Agent
	runtime *container.Runtime
	net     *joint        // nil unless the machine's container joins the host's networks
	wake    chan struct{} // holds one value if there is something to look at
	stop    chan bool     // whether at once

	mu       sync.Mutex
	callers  int                     // guarded by mu: connections to the agent
	ending   bool                    // guarded by mu: there will be no more
	contains map[guest.ID]*contained // guarded by mu: by record

	clock time.Time // when the guest's was set

	holding sync.Mutex // held while the disk must not change

	sharing sync.Mutex        // held while what the guest has of the host changes
	entries map[string]int    // guarded by sharing: containers that use an entry of the share
	volumes map[string]volume // guarded by sharing: by name
}

// Run runs a machine until no container of it runs and nobody needs it. One that
// runs already is vzcontract.ErrConflict.
func Run(ctx context.Context, opts Options) (err error) {
	store := guest.At(opts.Home, opts.Run)
	id := guest.ID(opts.Machine)
	record, err := store.Open(id)
	if err != nil {
		return err
	}
	if record.In != "" {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%s is a container of the machine %s", id, record.In)
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
		store: store, record: record, idle: opts.Idle, wake: make(chan struct{}, 1), stop: make(chan bool, 1),
		entries: map[string]int{}, volumes: map[string]volume{},
	}
	if o.idle == 0 {
		o.idle = DefaultIdle
	}
	if err := errors.Join(o.load(), o.phase(vzcontract.PhaseBooting)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.leave()) }()
	if o.net, err = newJoint(record, opts.Wire); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.net.leave(), o.net.close()) }()
	if _, err := os.Lstat(store.Disk(id)); errors.Is(err, fs.ErrNotExist) {
		o.fresh = record.From == nil
		if !o.fresh {
			if err := o.inherit(ctx); err != nil {
				return fmt.Errorf("copy the disk: %w", err)
			}
		}
	}
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

// leave leaves the files of a machine that has ended to others, or removes those of
// one whose only container is no more.
func (o *owner) leave() error {
	for _, c := range o.all() {
		c.close()
	}
	c, err := o.of(o.record.ID)
	if err != nil { // its containers have records of their own
		return os.RemoveAll(o.store.RunDir(o.record.ID))
	}
	if state := c.known(); state.Gone || state.Info.ID == "" {
		// What removes itself takes the volumes that were made for it along.
		var err error
		if state.Gone && c.record.Config.AutoRemove {
			err = c.removeVolumes()
		}
		return errors.Join(err, o.store.Remove(o.record.ID))
	}
	return os.RemoveAll(o.store.RunDir(o.record.ID))
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
	if err := o.phase(vzcontract.PhaseReady); err != nil {
		return err
	}
	ready()
	force := o.live(ctx)
	// The state is as it will be found; nobody is let in any more.
	_ = agent.Close()
	err = o.phase(vzcontract.PhaseShuttingDown)
	for _, c := range o.all() {
		if force {
			break
		}
		if _, err := o.refresh(life, c); err != nil {
			force = true
		}
	}
	return errors.Join(err, o.end(life, force))
}

// live returns when the machine's time is over, and whether at once.
func (o *owner) live(ctx context.Context) (force bool) {
	ended := make(chan struct{})
	go func() {
		_ = o.vm.Wait(context.WithoutCancel(ctx))
		close(ended)
	}()
	idle := time.NewTimer(patience * o.idle)
	defer idle.Stop()
	for {
		select {
		case <-o.wake:
			if o.busy() {
				idle.Stop()
			} else {
				idle.Reset(o.idle)
			}
		case <-idle.C:
			if !o.needed(ctx) && o.letNobodyIn() {
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

// letNobodyIn refuses connections from now on, unless there is one.
func (o *owner) letNobodyIn() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ending = o.callers == 0
	return o.ending
}

// busy tells whether somebody speaks with the guest or a container ran when it was last
// looked at, which is at each event.
func (o *owner) busy() bool {
	o.mu.Lock()
	callers := o.callers
	o.mu.Unlock()
	return callers > 0 || slices.ContainsFunc(o.all(), func(c *contained) bool {
		state := c.known()
		return running(state.Info) && !state.Gone
	})
}

// needed is busy, by what the guest says now.
func (o *owner) needed(ctx context.Context) bool {
	if o.busy() {
		return true
	}
	for _, c := range o.all() {
		state, err := o.refresh(ctx, c)
		if err == nil && running(state.Info) && !state.Gone {
			return true
		}
	}
	return false
}

func (o *owner) awake() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
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

// phase tells others where the machine is in its life.
func (o *owner) phase(p vzcontract.SharedVMPhase) error { return o.store.SetPhase(o.record.ID, p) }
