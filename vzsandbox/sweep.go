package vzsandbox

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
	"vz.internal/vzsandbox/internal/lock"
)

// lockPool makes the file that shows that a pool's process lives, locked from the first
// moment. It returns its name too.
func (r records) lockPool(pool string) (f *os.File, name string, err error) {
	if err := r.makeDir(); err != nil {
		return nil, "", err
	}
	name = poolPrefix + pool + "." + randomHex(8) + lockSuffix
	fresh := filepath.Join(r.dir, "."+name)
	f, err = os.OpenFile(fresh, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, "", err
	}
	if err = lock.Apply(f, syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
		err = os.Rename(fresh, r.pool(name))
	}
	if err != nil {
		return nil, "", errors.Join(err, f.Close(), remove(fresh))
	}
	return f, name, nil
}

const (
	poolPrefix = "pool-"
	lockSuffix = ".lock"
)

// dead reports whether nobody has the lock of a pool.
func (r records) dead(name string) (bool, error) {
	f, err := statefile.Open(r.pool(name))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // which unlocks
	err = lock.Apply(f, syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, lock.ErrHeld) {
		return false, nil
	}
	return err == nil, err
}

// Sweep removes what pools have left whose processes were killed, sandboxes whose making or
// removal was interrupted or whose TTL is over, and records without a sandbox. While any
// process makes a sandbox, those half made are left to the next Sweep. It returns the
// names of the sandboxes that it removed. All others stay: those of living pools, those
// acquired with Keep and those that are nobody's pool's.
func (h *Host) Sweep(ctx context.Context) (removed []string, err error) { return h.sweep(ctx, "") }

// sweep does it for the pools of one name, or all.
func (h *Host) sweep(ctx context.Context, pool string) (removed []string, err error) {
	all, nobodyMakes, err := h.look(ctx)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, c := range all {
		f, err := factsOf(c)
		if err != nil {
			continue // no sandbox, or one to be looked at by hand
		}
		left, err := h.left(c, f, pool, nobodyMakes)
		if left {
			err = h.sandbox(c, f).drop(ctx)
		}
		switch {
		case errors.Is(err, vzcontract.ErrNotFound): // somebody else was quicker
		case err != nil:
			errs = append(errs, err)
		case left:
			removed = append(removed, c.Name)
		}
	}
	if len(errs) == 0 { // else the locks' files are still needed
		errs = append(errs, h.sweepFiles(ctx, pool))
	}
	return removed, join(errs)
}

// look lists all containers, and tells whether nobody made a sandbox at that moment: then
// those of the list that are half made stay so.
func (h *Host) look(ctx context.Context) (all []vzcontract.ContainerInfo, nobodyMakes bool, err error) {
	held, err := h.records.lockCreation(syscall.LOCK_EX | syscall.LOCK_NB)
	switch {
	case err == nil:
		defer func() { _ = held.Close() }() // which unlocks
	case !errors.Is(err, lock.ErrHeld):
		return nil, false, err
	}
	all, listErr := h.backend.List(ctx)
	return all, err == nil, listErr
}

// left reports whether a sandbox is to be swept.
func (h *Host) left(c vzcontract.ContainerInfo, f facts, pool string, nobodyMakes bool) (bool, error) {
	if pool != "" && (f.Pool == nil || f.Pool.Name != pool) {
		return false, nil
	}
	rec, err := h.records.read(c.ID)
	if err != nil {
		return false, err
	}
	halfMade := c.State == vzcontract.StateCreated || rec.Unfinished
	if pool == "" && (rec.Draining || expired(c) || nobodyMakes && halfMade) {
		return true, nil
	}
	if f.Pool == nil || rec.Kept {
		return false, nil
	}
	return h.records.dead(f.Pool.Lock)
}

// expired reports whether a container has ended because its time was over.
func expired(c vzcontract.ContainerInfo) bool {
	return c.State == vzcontract.StateStopped && c.Config.Timeout > 0 && c.StoppedAt.Sub(c.StartedAt) >= c.Config.Timeout
}

// sweepFiles removes files of pools and sandboxes that are gone.
func (h *Host) sweepFiles(ctx context.Context, pool string) error {
	entries, err := os.ReadDir(h.records.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var errs []error
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, poolPrefix) {
			if pool == "" || strings.HasPrefix(name, poolPrefix+pool+".") {
				errs = append(errs, h.records.bury(name))
			}
			continue
		}
		id, isRecord := strings.CutSuffix(strings.TrimSuffix(name, ".damaged"), ".json")
		if !isRecord {
			id, isRecord = strings.CutSuffix(name, lockSuffix)
		}
		if !isRecord || pool != "" || name == changeLock || name == creationLock {
			continue
		}
		if _, err := h.backend.Inspect(ctx, id); errors.Is(err, vzcontract.ErrNotFound) {
			errs = append(errs, remove(filepath.Join(h.records.dir, name)))
		}
	}
	return errors.Join(err, join(errs))
}

// bury removes the file of a pool that nobody has.
func (r records) bury(name string) error {
	if dead, err := r.dead(name); !dead {
		return err
	}
	return remove(r.pool(name))
}
