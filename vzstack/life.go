package vzstack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/compose"
	"vz.internal/vzstack/plan"
)

// StartOptions of Start.
type StartOptions struct {
	// Services are the ones named; empty is all.
	Services []string
	// Wait waits until all run and are healthy.
	Wait bool
}

// Start starts containers that exist and do not run, in the order of their
// dependencies. It makes none.
func (s *Stack) Start(ctx context.Context, p *compose.Project, opts StartOptions) error {
	d, err := p.Desired(ctx, s.Host(p.Name))
	if err != nil {
		return err
	}
	return s.locked(ctx, p.Name, func(have *plan.Observed, mine []plan.Container) error {
		count := map[string]int{}
		for _, c := range mine {
			count[c.Service] = max(count[c.Service], c.Number)
		}
		for i := range d.Services {
			d.Services[i].Replicas = count[d.Services[i].Name]
			if count[d.Services[i].Name] == 0 && slices.Contains(opts.Services, d.Services[i].Name) {
				return vzcontract.Errorf(vzcontract.ErrNotFound, "service %s has no container to start: make it with `vz stack up`", d.Services[i].Name)
			}
		}
		made, err := plan.Make(d, have, plan.Options{Recreate: plan.Never, RecreateDeps: plan.Never, Existing: true, Known: p.ServiceNames()})
		if err != nil {
			return err
		}
		r := &runner{Stack: s, want: d, have: have, plan: made, watch: s.newWatcher(ctx), partial: true}
		defer r.watch.close()
		err = r.run(ctx)
		if err == nil && opts.Wait {
			err = r.waitAll(ctx, UpOptions{})
		}
		if err != nil || len(opts.Services) > 0 {
			return err
		}
		return s.setRunning(p.Name, true)
	})
}

// RestartOptions of Restart.
type RestartOptions struct {
	Services []string
	Stop     StopOptions
	// NoDeps leaves services alone that follow a restart.
	NoDeps bool
}

// Restart stops and starts containers of services.
func (s *Stack) Restart(ctx context.Context, p *compose.Project, opts RestartOptions) error {
	d, err := p.Desired(ctx, s.Host(p.Name))
	if err != nil {
		return err
	}
	return s.locked(ctx, p.Name, func(have *plan.Observed, mine []plan.Container) error {
		services := opts.Services
		if !opts.NoDeps {
			services = followers(d, services)
		}
		chosen := pick(mine, services)
		for _, c := range pick(mine, opts.Services) {
			s.tell("Container", c.Name, "Restarting")
		}
		r := &runner{Stack: s, want: d, have: have, plan: plan.StopAll(chosen), stop: opts.Stop}
		if err := r.run(ctx); err != nil {
			return err
		}
		return s.startAgain(ctx, d, have, chosen)
	})
}

// followers adds to the named services those that depend on them with
// restart: true.
func followers(d *plan.Desired, services []string) []string {
	all := slices.Clone(services)
	for grown := len(all) > 0; grown; {
		grown = false
		for _, service := range d.Services {
			follows := slices.ContainsFunc(service.DependsOn, func(dep plan.Dependency) bool {
				return dep.Restart && slices.Contains(all, dep.Service)
			})
			if follows && !slices.Contains(all, service.Name) {
				all, grown = append(all, service.Name), true
			}
		}
	}
	return all
}

// startAgain starts the given containers in the order of dependencies.
func (s *Stack) startAgain(ctx context.Context, d *plan.Desired, have *plan.Observed, chosen []plan.Container) error {
	seen := *have
	seen.Containers = slices.Clone(have.Containers)
	for i := range seen.Containers {
		if slices.ContainsFunc(chosen, func(c plan.Container) bool { return c.ID == seen.Containers[i].ID }) {
			seen.Containers[i].State, seen.Containers[i].Restarting = vzcontract.StateStopped, false
		}
	}
	want := *d
	want.Services = nil
	for _, service := range d.Services {
		service.Replicas = 0
		for _, c := range chosen {
			if c.Service == service.Name {
				service.Replicas = max(service.Replicas, c.Number)
			}
		}
		if service.Replicas > 0 {
			want.Services = append(want.Services, service)
		}
	}
	made, err := plan.Make(&want, &seen, plan.Options{Recreate: plan.Never, RecreateDeps: plan.Never, Existing: true, Known: serviceNames(d)})
	if err != nil {
		return err
	}
	r := &runner{Stack: s, want: &want, have: &seen, plan: made, watch: s.newWatcher(ctx), partial: true}
	defer r.watch.close()
	return r.run(ctx)
}

func serviceNames(d *plan.Desired) []string {
	names := make([]string, len(d.Services))
	for i := range d.Services {
		names[i] = d.Services[i].Name
	}
	return names
}

// each calls f for the running containers of services, all at once.
func (s *Stack) each(ctx context.Context, project string, services []string, wanted func(plan.Container) bool, f func(plan.Container) error) error {
	return s.locked(ctx, project, func(_ *plan.Observed, mine []plan.Container) error {
		var chosen []plan.Container
		for _, c := range pick(mine, services) {
			if wanted(c) {
				chosen = append(chosen, c)
			}
		}
		errs := make([]error, len(chosen))
		var group sync.WaitGroup
		for i, c := range chosen {
			group.Go(func() { errs[i] = f(c) })
		}
		group.Wait()
		return errors.Join(errs...)
	})
}

// Kill sends a signal to the running containers of services.
func (s *Stack) Kill(ctx context.Context, project string, services []string, signal string) error {
	return s.each(ctx, project, services, alive, func(c plan.Container) error {
		s.tell("Container", c.Name, "Killing")
		err := s.cfg.Backend.Kill(ctx, c.ID, signal)
		if err == nil {
			s.tell("Container", c.Name, "Killed")
		}
		return err
	})
}

func alive(c plan.Container) bool {
	return c.State == vzcontract.StateRunning || c.State == vzcontract.StatePaused
}

// Pause freezes the running containers of services.
func (s *Stack) Pause(ctx context.Context, project string, services []string) error {
	return s.freeze(ctx, project, services, vzcontract.StateRunning)
}

// Unpause lets frozen containers of services go on.
func (s *Stack) Unpause(ctx context.Context, project string, services []string) error {
	return s.freeze(ctx, project, services, vzcontract.StatePaused)
}

func (s *Stack) freeze(ctx context.Context, project string, services []string, from vzcontract.State) error {
	pauser, ok := s.cfg.Backend.(vzcontract.Pauser)
	if !ok || !s.cfg.Backend.Capabilities().Has(vzcontract.FeaturePause) {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "pause: backend %s cannot do it", s.cfg.Backend.BackendName())
	}
	step, done := pauser.Pause, "Paused"
	if from == vzcontract.StatePaused {
		step, done = pauser.Resume, "Unpaused"
	}
	wanted := func(c plan.Container) bool {
		return c.State == from || from == vzcontract.StateRunning && c.State == vzcontract.StatePaused
	}
	return s.each(ctx, project, services, wanted, func(c plan.Container) error {
		if c.State != from {
			return vzcontract.Errorf(vzcontract.ErrConflict, "container %s is already paused", c.Name)
		}
		err := step(ctx, c.ID)
		if err == nil {
			s.tell("Container", c.Name, done)
		}
		return err
	})
}

// RemoveOptions of Remove.
type RemoveOptions struct {
	// Stop stops running containers first; without, they are left alone.
	Stop    bool
	Volumes bool
}

// Remove removes the stopped containers of services.
func (s *Stack) Remove(ctx context.Context, project string, services []string, opts RemoveOptions) error {
	if opts.Stop {
		if err := s.Stop(ctx, project, services, StopOptions{}); err != nil {
			return err
		}
	}
	return s.locked(ctx, project, func(have *plan.Observed, mine []plan.Container) error {
		made := &plan.Plan{}
		for _, c := range pick(mine, services) {
			if !c.Running() {
				made.Steps = append(made.Steps, plan.Step{Kind: plan.Remove, Name: c.Name, Service: c.Service, ID: c.ID})
			}
		}
		r := &runner{Stack: s, have: have, plan: made, volumes: opts.Volumes}
		return r.run(ctx)
	})
}

// Wait returns when one container of the services has ended, with its status.
func (s *Stack) Wait(ctx context.Context, project string, services []string) (plan.Container, vzcontract.ExitStatus, error) {
	all, err := s.Containers(ctx, project)
	if err != nil {
		return plan.Container{}, vzcontract.ExitStatus{}, err
	}
	type ending struct {
		c      plan.Container
		status vzcontract.ExitStatus
		err    error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chosen := pick(all, services)
	ended := make(chan ending, len(chosen))
	for _, c := range chosen {
		go func() {
			status, err := s.cfg.Backend.Wait(ctx, c.ID, vzcontract.WaitNotRunning)
			ended <- ending{c, status, err}
		}()
	}
	if len(chosen) == 0 {
		return plan.Container{}, vzcontract.ExitStatus{}, vzcontract.Errorf(vzcontract.ErrNotFound, "project %s has no containers of %v", project, services)
	}
	e := <-ended
	if e.err != nil {
		return e.c, e.status, fmt.Errorf("wait for %s: %w", e.c.Name, e.err)
	}
	return e.c, e.status, nil
}
