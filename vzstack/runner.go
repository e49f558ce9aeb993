package vzstack

import (
	"context"
	"errors"
	"sync"

	"vz.internal/vzstack/plan"
)

// A runner carries out one plan.
type runner struct {
	*Stack
	want *plan.Desired // nil when things are only removed
	have *plan.Observed
	plan *plan.Plan
	// watch tells of containers that became unhealthy; nil where nothing waits.
	watch *watcher
	// started is called after each start, where it is set.
	started func(plan.Step)
	stop    StopOptions
	// partial: the plan makes nothing, so numbers may be missing.
	partial bool
	// volumes: anonymous volumes go with their containers.
	volumes bool

	booted    chan struct{} // closed when the shared machine has; nil without one
	bootError error         // written before booted is closed

	slots   chan struct{}
	done    []chan struct{} // closed when a step has ended
	results []error         // each written before its done is closed
}

var errSkipped = errors.New("an earlier step failed")

// run executes all steps, each as soon as those before it have ended well.
// After a failure no step begins any more; those under way end.
func (r *runner) run(ctx context.Context) error {
	r.slots = make(chan struct{}, r.cfg.Parallel)
	r.done = make([]chan struct{}, len(r.plan.Steps))
	r.results = make([]error, len(r.plan.Steps))
	for i := range r.done {
		r.done[i] = make(chan struct{})
	}
	r.bootMachine(ctx)
	waiting, failed := context.WithCancel(ctx)
	defer failed()
	var group sync.WaitGroup
	for i := range r.plan.Steps {
		group.Go(func() {
			defer close(r.done[i])
			r.results[i] = r.step(ctx, waiting, r.plan.Steps[i])
			if r.results[i] != nil {
				failed()
			}
		})
	}
	group.Wait()
	_ = r.machineReady() // the steps that needed it tell
	var errs []error
	for _, err := range r.results {
		if err != nil && !errors.Is(err, errSkipped) {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 && ctx.Err() != nil {
		errs = append(errs, context.Cause(ctx))
	}
	return errors.Join(errs...)
}

// step waits for its turn and executes s. waiting ends when another step fails.
func (r *runner) step(ctx, waiting context.Context, s plan.Step) error {
	for _, before := range s.After {
		<-r.done[before]
		if r.results[before] != nil {
			return errSkipped
		}
	}
	if waiting.Err() != nil {
		return errSkipped
	}
	if r.needsMachine(s) {
		if err := r.machineReady(); err != nil {
			return err
		}
	}
	switch s.Kind {
	case plan.Wait:
		err := r.wait(waiting, s)
		if err != nil && waiting.Err() != nil && ctx.Err() == nil {
			return errSkipped // another failure ended it
		}
		return err
	case plan.Stop:
		return r.execute(ctx, s)
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-waiting.Done():
		return errSkipped
	}
	return r.execute(ctx, s)
}

func (r *runner) execute(ctx context.Context, s plan.Step) error {
	switch s.Kind {
	case plan.CreateNetwork:
		return r.createNetwork(ctx, s)
	case plan.RemoveNetwork:
		return r.removeNetwork(ctx, s)
	case plan.CreateVolume:
		return r.createVolume(ctx, s)
	case plan.RemoveVolume:
		return r.removeVolume(ctx, s)
	case plan.Pull:
		return r.pullImage(ctx, r.want.Service(s.Service))
	case plan.RemoveImage:
		return r.removeImage(ctx, s)
	case plan.Create:
		return r.create(ctx, s)
	case plan.Rename:
		return r.rename(ctx, s)
	case plan.Start:
		return r.start(ctx, s)
	case plan.Stop:
		return r.stopContainer(ctx, s)
	case plan.Remove:
		return r.remove(ctx, s)
	}
	panic("vzstack: unknown step " + string(s.Kind))
}
