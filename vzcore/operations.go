package vzcore

import (
	"context"
	"fmt"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

// Start starts a stopped machine.
func (vm *VM) Start(ctx context.Context) error {
	return vm.change(ctx, operation{
		"start",
		[]State{Stopped},
		Starting, Running,
		func(ctx context.Context, _ State) error {
			exited, err := vm.machine.Start(ctx)
			if err == nil {
				vm.follow(exited)
			}
			return err
		},
	})
}

// Pause freezes a running machine.
func (vm *VM) Pause(ctx context.Context) error {
	return vm.change(ctx, operation{
		"pause",
		[]State{Running},
		Pausing, Paused,
		func(ctx context.Context, _ State) error { return vm.machine.Pause(ctx) },
	})
}

// Resume lets a paused machine go on.
func (vm *VM) Resume(ctx context.Context) error {
	return vm.change(ctx, operation{
		"resume",
		[]State{Paused},
		Resuming, Running,
		func(ctx context.Context, _ State) error { return vm.machine.Resume(ctx) },
	})
}

// RequestStop asks the guest to shut down and does not wait for it; guests may
// ignore it.
func (vm *VM) RequestStop(ctx context.Context) error {
	if state, _ := vm.State(); state != Running {
		return vzcontract.Errorf(vzcontract.ErrConflict, "request stop: the virtual machine is %s", state)
	}
	return vm.machine.RequestStop(ctx)
}

// Stop ends the machine at once, as if its power was cut. One that is stopped stays
// so.
func (vm *VM) Stop(ctx context.Context) error {
	if state, _ := vm.State(); state == Stopped {
		return nil
	}
	return vm.change(ctx, operation{
		"stop",
		[]State{Running, Paused, Failed},
		Stopping, Stopped,
		func(ctx context.Context, _ State) error {
			if err := vm.machine.Stop(ctx); err != nil {
				return err
			}
			return vm.over(ctx)
		},
	})
}

// Save writes memory and devices of a running or paused machine to dir, which it
// makes, with a manifest that Restore compares; extra is kept in it. The machine is
// paused after it, whatever it was before. If saving fails, dir is removed and the
// machine is as it was.
func (vm *VM) Save(ctx context.Context, dir string, extra map[string]string) error {
	saver, ok := vm.machine.(Saver)
	if !ok {
		return vm.unsupported("saving")
	}
	return vm.change(ctx, operation{
		"save",
		[]State{Running, Paused},
		Saving, Paused,
		func(ctx context.Context, from State) error {
			err := vm.save(ctx, saver, dir, extra)
			if err != nil && from == Running {
				if again := vm.machine.Resume(context.WithoutCancel(ctx)); again != nil {
					return fmt.Errorf("%w; and it does not go on: %w", err, again)
				}
			}
			return err
		},
	})
}

// Restore starts a stopped machine from what Save wrote to dir; it is then paused.
// A manifest that does not fit this machine is an error that matches
// vzcontract.ErrConflict and names each difference; a damaged file one that
// matches [ErrDamaged].
func (vm *VM) Restore(ctx context.Context, dir string) error {
	saver, ok := vm.machine.(Saver)
	if !ok {
		return vm.unsupported("restoring")
	}
	return vm.change(ctx, operation{
		"restore",
		[]State{Stopped},
		Restoring, Paused,
		func(ctx context.Context, _ State) error {
			if err := vm.check(ctx, dir); err != nil {
				return err
			}
			if err := vm.restoreDisks(ctx, dir); err != nil {
				return err
			}
			exited, err := saver.Restore(ctx, dir)
			if err == nil {
				vm.follow(exited)
			}
			return err
		},
	})
}

// Plug gives a running guest a share and says by which file system it is mounted.
func (vm *VM) Plug(ctx context.Context, share config.Share) (kind string, err error) {
	if err := share.Validate(); err != nil {
		return "", err
	}
	err = vm.running(ctx, "plug a share", func() error {
		sharer, ok := vm.machine.(Sharer)
		if !ok {
			return vm.unsupported("shares on a running machine")
		}
		kind, err = sharer.Plug(ctx, share)
		return err
	})
	return kind, err
}

// Unplug takes a share away that the guest has unmounted.
func (vm *VM) Unplug(ctx context.Context, tag string) error {
	return vm.running(ctx, "unplug a share", func() error {
		sharer, ok := vm.machine.(Sharer)
		if !ok {
			return vm.unsupported("shares on a running machine")
		}
		return sharer.Unplug(ctx, tag)
	})
}

// AddEntry adds an entry to a growing share of a running machine.
func (vm *VM) AddEntry(ctx context.Context, tag string, entry config.Entry) error {
	if err := entry.Validate(); err != nil {
		return err
	}
	return vm.running(ctx, "add to a share", func() error {
		grower, ok := vm.machine.(Grower)
		if !ok {
			return vm.unsupported("shares that grow")
		}
		return grower.AddEntry(ctx, tag, entry)
	})
}

// RemoveEntry takes an entry of a growing share away.
func (vm *VM) RemoveEntry(ctx context.Context, tag, name string) error {
	return vm.running(ctx, "remove from a share", func() error {
		grower, ok := vm.machine.(Grower)
		if !ok {
			return vm.unsupported("shares that grow")
		}
		return grower.RemoveEntry(ctx, tag, name)
	})
}

// ShareKind says by which file system a plugged share is mounted: "virtiofs", "9p"
// or, for no share, nothing.
func (vm *VM) ShareKind(tag string) string {
	if sharer, ok := vm.machine.(Sharer); ok {
		return sharer.Kind(tag)
	}
	return ""
}

// SetEject tells how the guest's agent is asked to let a device go, which makes
// Unplug and Save faster on machines that profit from it.
func (vm *VM) SetEject(eject EjectFunc) {
	if e, ok := vm.machine.(Ejector); ok {
		e.SetEject(eject)
	}
}

// SetMemory asks the guest to use no more than bytes of the configured memory.
func (vm *VM) SetMemory(ctx context.Context, bytes uint64) error {
	if bytes < config.MinMemory || bytes > vm.config.Memory {
		return vzcontract.Errorf(vzcontract.ErrValidation, "memory: %d is not between %d and %d", bytes, config.MinMemory, vm.config.Memory)
	}
	return vm.running(ctx, "set memory", func() error {
		ballooner, ok := vm.machine.(Ballooner)
		if !ok {
			return vm.unsupported("a balloon")
		}
		return ballooner.SetMemory(ctx, bytes)
	})
}

// running does something with a running machine while its state stays.
func (vm *VM) running(ctx context.Context, name string, do func() error) error {
	select {
	case <-vm.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { vm.turn <- struct{}{} }()
	if state, _ := vm.State(); state != Running {
		return vzcontract.Errorf(vzcontract.ErrConflict, "%s: the virtual machine is %s", name, state)
	}
	return do()
}

func (vm *VM) unsupported(what string) error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s with the driver %s", what, vm.driver.Name())
}
