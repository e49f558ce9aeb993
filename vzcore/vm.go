package vzcore

import (
	"context"
	"fmt"
	"net"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

// A VM is one virtual machine. Methods are safe for concurrent use; those that
// change its state are done one at a time, and one that does not fit the state
// fails with an error that matches vzcontract.ErrConflict and changes nothing.
//
// A call whose context ends returns at once. What the driver then still completes
// is taken into the state all the same.
type VM struct {
	driver  Driver
	machine Machine
	config  config.Config
	turn    chan struct{} // holds one value while nobody changes the state

	mu      sync.Mutex
	state   State                 // guarded by mu
	reason  error                 // guarded by mu: why the state is Failed or Stopped
	watches map[chan State]func() // guarded by mu
	ended   chan struct{}         // guarded by mu: closed when the present run is over
}

// New returns a stopped VM of a configuration that it validates. dir is for the
// driver's files.
func New(driver Driver, cfg config.Config, dir string) (*VM, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.Clone()
	machine, err := driver.Open(cfg, dir)
	if err != nil {
		return nil, err
	}
	vm := &VM{driver: driver, machine: machine, config: cfg, turn: make(chan struct{}, 1), state: Stopped, watches: map[chan State]func(){}}
	vm.turn <- struct{}{}
	return vm, nil
}

// Config returns a copy of the configuration.
func (vm *VM) Config() config.Config { return vm.config.Clone() }

// State returns the present state and, for Stopped and Failed, why the last run
// ended if that was not orderly.
func (vm *VM) State() (State, error) {
	vm.mu.Lock()
	defer vm.mu.Unlock()
	return vm.state, vm.reason
}

// set changes the state. A change that is not allowed is a late one and ignored.
func (vm *VM) set(next State, reason error) bool {
	vm.mu.Lock()
	defer vm.mu.Unlock()
	if vm.state == next || !vm.state.MayBecome(next) {
		return vm.state == next
	}
	vm.state, vm.reason = next, reason
	for watch := range vm.watches {
		select {
		case watch <- next:
		default: // the watcher is slow: it gets the newest in place of the oldest
			select {
			case <-watch:
			default:
			}
			watch <- next
		}
	}
	return true
}

// Watch returns a channel that gets each new state until ctx ends, which closes
// it. A reader who is slow misses the oldest ones, never the newest.
func (vm *VM) Watch(ctx context.Context) <-chan State {
	watch := make(chan State, 16)
	vm.mu.Lock()
	defer vm.mu.Unlock()
	vm.watches[watch] = nil
	context.AfterFunc(ctx, func() {
		vm.mu.Lock()
		defer vm.mu.Unlock()
		delete(vm.watches, watch)
		close(watch)
	})
	return watch
}

// An operation changes the state: through a passing one to a final one, or back if
// it fails.
type operation struct {
	name    string
	from    []State
	passing State
	final   State
	do      func(ctx context.Context, from State) error
}

func (vm *VM) change(ctx context.Context, op operation) error {
	select {
	case <-vm.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	from, _ := vm.State()
	allowed := false
	for _, s := range op.from {
		allowed = allowed || s == from
	}
	if !allowed || !vm.set(op.passing, nil) {
		vm.turn <- struct{}{}
		return vzcontract.Errorf(vzcontract.ErrConflict, "%s: the virtual machine is %s", op.name, from)
	}
	result := make(chan error, 1)
	go func() {
		err := op.do(ctx, from)
		if err == nil {
			vm.set(op.final, nil)
		} else if !vm.set(from, nil) {
			vm.set(Failed, err)
		}
		vm.turn <- struct{}{}
		result <- err
	}()
	select {
	case err := <-result:
		if err != nil {
			return fmt.Errorf("%s: %w", op.name, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", op.name, ctx.Err())
	}
}

// follow waits for the end of a run.
func (vm *VM) follow(exited <-chan error) {
	ended := make(chan struct{})
	vm.mu.Lock()
	vm.ended = ended
	vm.mu.Unlock()
	go func() {
		defer close(ended)
		err := <-exited
		if err != nil && vm.set(Failed, err) {
			return
		}
		vm.set(Stopped, nil)
	}()
}

// over waits until the end of the present run, if there is one, is in the state.
// What an ended run still has to say could otherwise be taken for the next one's.
func (vm *VM) over(ctx context.Context) error {
	vm.mu.Lock()
	ended := vm.ended
	vm.mu.Unlock()
	if ended == nil {
		return nil
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Wait returns when the machine does not run any more, and why if it broke.
func (vm *VM) Wait(ctx context.Context) error {
	if err := vm.over(ctx); err != nil {
		return err
	}
	_, err := vm.State()
	return err
}

// Dial connects to a vsock port of the guest.
func (vm *VM) Dial(ctx context.Context, port uint32) (Conn, error) { return vm.machine.Dial(ctx, port) }

// Listen accepts connections of the guest to a vsock port of the host.
func (vm *VM) Listen(port uint32) (net.Listener, error) { return vm.machine.Listen(port) }

// Close releases everything; a machine that runs is ended.
func (vm *VM) Close() error {
	err := vm.machine.Close()
	_ = vm.Wait(context.Background())
	return err
}
