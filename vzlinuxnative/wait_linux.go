package vzlinuxnative

import (
	"context"
	"errors"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/record"
)

// Wait implements vzcontract.Lifecycle.
func (b *Backend) Wait(ctx context.Context, ref string, cond vzcontract.WaitCondition) (vzcontract.ExitStatus, error) {
	if err := ctx.Err(); err != nil {
		return vzcontract.ExitStatus{}, contextError(ctx)
	}
	id, err := b.find("wait", ref)
	if err != nil {
		return vzcontract.ExitStatus{}, err
	}
	exit, err := b.wait(ctx, id, cond)
	return exit, failure("wait", ref, err)
}

func (b *Backend) wait(ctx context.Context, id string, cond vzcontract.WaitCondition) (exit vzcontract.ExitStatus, err error) {
	last, err := b.store.Watch(id)
	if err != nil {
		return exit, err
	}
	defer last.Close()
	if cond == vzcontract.WaitRemoved {
		if err := b.awaitMonitor(ctx, id); err != nil {
			return exit, err
		}
	}
	exits := -1
	for {
		// The watch begins before the look, so nothing is missed.
		w, err := b.watch(id)
		if err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
			return exit, err
		}
		c, err := b.truth(id)
		if errors.Is(err, vzcontract.ErrNotFound) {
			w.close()
			if cond == vzcontract.WaitHealthy {
				return exit, vzcontract.Errorf(vzcontract.ErrConflict, "the container was removed")
			}
			return last.Exit(), b.endLeases(context.WithoutCancel(ctx))
		}
		if err != nil {
			w.close()
			return exit, err
		}
		if exits < 0 {
			exits = c.st.Exits
		}
		done, err := holds(c.st, cond, exits)
		if !done {
			err = w.next(ctx, c)
		}
		w.close()
		if done || err != nil {
			if c.st.LastExit != nil && cond != vzcontract.WaitHealthy {
				exit = *c.st.LastExit
			}
			return exit, err
		}
	}
}

// holds reports whether the condition holds, or never will.
func holds(st *record.State, cond vzcontract.WaitCondition, exits int) (bool, error) {
	down := !st.Live() && !st.Restarting
	switch cond {
	case "", vzcontract.WaitNotRunning:
		return down, nil
	case vzcontract.WaitNextExit:
		return st.Exits > exits, nil
	case vzcontract.WaitRemoved:
		return false, nil
	case vzcontract.WaitHealthy:
		switch {
		case st.State == vzcontract.StateStopped && down:
			return true, vzcontract.Errorf(vzcontract.ErrConflict, "the container stopped before it was healthy")
		case st.Health == nil && st.Live():
			return true, vzcontract.Errorf(vzcontract.ErrConflict, "the container has no health check")
		}
		return st.Health != nil && st.Live() && st.Health.Status == vzcontract.HealthHealthy, nil
	}
	return true, vzcontract.Errorf(vzcontract.ErrValidation, "unknown condition %q", cond)
}
