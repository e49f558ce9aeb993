package vzstack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// wait waits until all replicas of a service meet a condition.
func (r *runner) wait(ctx context.Context, s plan.Step) error {
	service := r.want.Service(s.Name)
	var group sync.WaitGroup
	errs := make([]error, service.Replicas)
	for n := range errs {
		name := service.Container(r.want.Project, n+1)
		if r.partial && !r.exists(name) {
			continue
		}
		group.Go(func() { errs[n] = r.waitFor(ctx, name, s.Condition) })
	}
	group.Wait()
	err := errors.Join(errs...)
	if err != nil && s.Optional && ctx.Err() == nil {
		r.cfg.Warn(fmt.Sprintf("optional dependency %q failed to start: %v", s.Name, err))
		return nil
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("dependency failed to start: %w", err)
	}
	return err
}

// exists reports whether a container was there when the plan was made.
func (r *runner) exists(name string) bool {
	return slices.ContainsFunc(r.have.Containers, func(c plan.Container) bool { return c.Name == name })
}

// waitFor waits until one container meets a condition.
func (r *runner) waitFor(ctx context.Context, name string, condition plan.Condition) error {
	switch condition {
	case plan.Healthy:
		r.tell("Container", name, "Waiting")
		if err := r.healthy(ctx, name); err != nil {
			return err
		}
		r.tell("Container", name, "Healthy")
	case plan.Completed:
		r.tell("Container", name, "Waiting")
		exit, err := r.cfg.Backend.Wait(ctx, name, vzcontract.WaitNotRunning)
		if err != nil {
			return err
		}
		if exit.Code != 0 {
			return vzcontract.Errorf(vzcontract.ErrConflict, "container %s didn't complete successfully: exit %d", name, exit.Code)
		}
		r.tell("Container", name, "Exited")
	}
	return nil
}

// healthy returns when the container is, or with an error when it is found
// unhealthy or stops.
func (r *runner) healthy(ctx context.Context, name string) error {
	info, err := r.cfg.Backend.Inspect(ctx, name)
	if err != nil {
		return err
	}
	if info.Health == nil && info.State == vzcontract.StateRunning {
		return vzcontract.Errorf(vzcontract.ErrConflict, "container %s has no health check to wait for", name)
	}
	wait, cancel := context.WithCancel(ctx)
	defer cancel()
	unhealthy := r.watch.unhealthy(info.ID)
	if info.Health != nil && info.Health.Status == vzcontract.HealthUnhealthy {
		return errUnhealthy(name)
	}
	result := make(chan error, 1)
	go func() {
		_, err := r.cfg.Backend.Wait(wait, info.ID, vzcontract.WaitHealthy)
		result <- err
	}()
	for {
		select {
		case err := <-result:
			if errors.Is(err, vzcontract.ErrConflict) {
				return r.neverHealthy(ctx, name, info.ID, err)
			}
			return err
		case <-unhealthy:
		}
		info, err := r.cfg.Backend.Inspect(ctx, info.ID)
		if err != nil {
			return err
		}
		if info.Health != nil && info.Health.Status == vzcontract.HealthUnhealthy {
			return errUnhealthy(name)
		}
		unhealthy = nil // it was the verdict of an earlier life, or has changed
	}
}

// neverHealthy says why a container cannot become healthy any more.
func (r *runner) neverHealthy(ctx context.Context, name, id string, err error) error {
	info, inspectErr := r.cfg.Backend.Inspect(ctx, id)
	if inspectErr == nil && info.State == vzcontract.StateStopped && info.Exit != nil {
		return vzcontract.Errorf(vzcontract.ErrConflict, "container %s exited (%d) before it was healthy", name, info.Exit.Code)
	}
	return err
}

func errUnhealthy(name string) error {
	return vzcontract.Errorf(vzcontract.ErrConflict, "container %s is unhealthy", name)
}
