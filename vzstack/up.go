package vzstack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/compose"
	"vz.internal/vzstack/plan"
)

// UpOptions of Up.
type UpOptions struct {
	// Services are the ones named on the command line; empty is all. Source
	// must have been narrowed to them.
	Services []string
	Recreate plan.Recreate
	// AlwaysRecreateDeps makes the dependencies anew too.
	AlwaysRecreateDeps bool
	NoStart            bool
	NoDeps             bool
	// RemoveOrphans removes containers of services that the files no longer
	// have, and those of OneOff that have ended; IgnoreOrphans says nothing of
	// them.
	RemoveOrphans bool
	IgnoreOrphans bool
	RenewVolumes  bool
	// Pull replaces all services' policies.
	Pull vzcontract.PullPolicy
	// Scale sets replicas by service.
	Scale map[string]int
	// Wait waits until all are running and healthy; WaitTimeout bounds it.
	Wait        bool
	WaitTimeout time.Duration
	Stop        StopOptions
	// DryRun plans and does nothing.
	DryRun bool
	// Source is kept in the project's record.
	Source compose.Source
	// Started is called after each start, from several goroutines.
	Started func(container string)
}

// Result says what Up did.
type Result struct {
	Plan *plan.Plan
	// Containers of the services wanted, by service then number.
	Containers []plan.Container
}

// Up makes the project what its files say. It holds the project's lock
// meanwhile. On failure what was made stays, as with docker compose; calling
// it again goes on from there.
func (s *Stack) Up(ctx context.Context, p *compose.Project, opts UpOptions) (*Result, error) {
	d, err := p.Desired(ctx, s.Host(p.Name))
	if err != nil {
		return nil, err
	}
	if err := scale(d, opts.Scale); err != nil {
		return nil, err
	}
	unlock, err := s.lock(ctx, p.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return s.apply(ctx, p, d, opts)
}

func scale(d *plan.Desired, replicas map[string]int) error {
	for _, name := range slices.Sorted(maps.Keys(replicas)) {
		service := d.Service(name)
		switch n := replicas[name]; {
		case service == nil:
			return vzcontract.Errorf(vzcontract.ErrNotFound, "no such service: %s", name)
		case n < 0:
			return vzcontract.Errorf(vzcontract.ErrValidation, "scale %s=%d: want a number from 0 up", name, n)
		case n > 1 && service.ContainerName != "":
			return vzcontract.Errorf(vzcontract.ErrValidation, "scale %s=%d: its container_name %s can be had once", name, n, service.ContainerName)
		default:
			service.Replicas = n
		}
	}
	return nil
}

// apply does the work of Up, under the lock.
func (s *Stack) apply(ctx context.Context, p *compose.Project, d *plan.Desired, opts UpOptions) (*Result, error) {
	record := s.recordOf(p, opts)
	if !opts.DryRun {
		if err := s.refresh(ctx, d, &record, opts.Pull); err != nil {
			return nil, err
		}
	}
	have, err := s.observe(ctx, d)
	if err != nil {
		return nil, p.Locate(err)
	}
	made, err := plan.Make(d, have, s.planOptions(p, opts))
	if err != nil {
		return nil, p.Locate(err)
	}
	result := &Result{Plan: made}
	for _, w := range made.Warnings {
		s.cfg.Warn(w)
	}
	s.warnOrphans(made, opts.RemoveOrphans || opts.IgnoreOrphans)
	if opts.DryRun {
		return result, nil
	}
	if err := s.placeFiles(d); err != nil {
		return nil, err
	}
	if err := s.carryOut(ctx, d, have, made, opts, record); err != nil {
		return result, err
	}
	all, err := s.Containers(ctx, d.Project)
	if err != nil {
		return result, err
	}
	result.Containers = wanted(d, slices.Clone(all))
	s.tellRunning(made, result.Containers)
	return result, s.sweepFiles(d, all)
}

func (s *Stack) warnOrphans(made *plan.Plan, quiet bool) {
	if len(made.Orphans) > 0 && !quiet {
		s.cfg.Warn(fmt.Sprintf("orphan containers, of services that the project no longer has or of a run that has ended: %v; --remove-orphans removes them", made.Orphans))
	}
}

func (s *Stack) planOptions(p *compose.Project, opts UpOptions) plan.Options {
	o := plan.Options{
		Targets: opts.Services, Recreate: opts.Recreate, NoStart: opts.NoStart, NoDeps: opts.NoDeps,
		RemoveOrphans: opts.RemoveOrphans, RenewVolumes: opts.RenewVolumes, InPlace: s.renamer == nil,
		Known: slices.Concat(p.ServiceNames(), p.DisabledServiceNames()),
	}
	if opts.AlwaysRecreateDeps || opts.Recreate == plan.Never {
		o.RecreateDeps = opts.Recreate
	}
	if opts.AlwaysRecreateDeps {
		o.RecreateDeps = plan.Always
	}
	return o
}

// carryOut runs the plan. The record says so while it is under way.
func (s *Stack) carryOut(ctx context.Context, d *plan.Desired, have *plan.Observed, made *plan.Plan, opts UpOptions, record Record) error {
	record.Changing = !made.Empty()
	if err := s.keep(record); err != nil {
		return fmt.Errorf("keep project %s: %w", d.Project, err)
	}
	r := &runner{Stack: s, want: d, have: have, plan: made, stop: opts.Stop, volumes: opts.RenewVolumes}
	if len(made.Steps) > 0 || opts.Wait {
		r.watch = s.newWatcher(ctx)
		defer r.watch.close()
	}
	if opts.Started != nil {
		r.started = func(step plan.Step) { opts.Started(step.Name) }
	}
	err := r.run(ctx)
	if err == nil && opts.Wait {
		err = r.waitAll(ctx, opts)
	}
	if err == nil && record.Changing {
		record.Changing = false
		err = s.keep(record)
	}
	return err
}

// waitAll waits until each wanted container runs, or is healthy where it has a
// health check.
func (r *runner) waitAll(ctx context.Context, opts UpOptions) error {
	if opts.WaitTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, opts.WaitTimeout,
			vzcontract.Errorf(vzcontract.ErrTimeout, "not all services are healthy after %s", opts.WaitTimeout))
		defer cancel()
	}
	var names []string
	for i := range r.want.Services {
		for n := range r.want.Services[i].Replicas {
			if name := r.want.Services[i].Container(r.want.Project, n+1); !r.partial || r.exists(name) {
				names = append(names, name)
			}
		}
	}
	errs := make([]error, len(names))
	var group sync.WaitGroup
	for i, name := range names {
		group.Go(func() { errs[i] = r.waitUp(ctx, name) })
	}
	group.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return errors.Join(errs...)
}

func (r *runner) waitUp(ctx context.Context, name string) error {
	info, err := r.cfg.Backend.Inspect(ctx, name)
	switch {
	case err != nil:
		return err
	case info.Health != nil:
		return r.waitFor(ctx, name, plan.Healthy)
	case info.State == vzcontract.StateStopped && info.Exit != nil && info.Exit.Code != 0:
		return vzcontract.Errorf(vzcontract.ErrConflict, "container %s exited with status %d", name, info.Exit.Code)
	}
	return nil
}

// tellRunning names the containers that ran before and were left alone.
func (s *Stack) tellRunning(made *plan.Plan, containers []plan.Container) {
	for _, c := range containers {
		touched := slices.ContainsFunc(made.Steps, func(step plan.Step) bool {
			return step.Name == c.Name && (step.Kind == plan.Start || step.Kind == plan.Create)
		})
		if !touched && c.Running() {
			s.tell("Container", c.Name, "Running")
		}
	}
}

// wanted returns the containers of the desired services.
func wanted(d *plan.Desired, all []plan.Container) []plan.Container {
	return slices.DeleteFunc(all, func(c plan.Container) bool { return c.OneOff || d.Service(c.Service) == nil })
}

func (s *Stack) recordOf(p *compose.Project, opts UpOptions) Record {
	record, err := s.Record(p.Name)
	if err != nil {
		record = Record{} // none yet, or a damaged one that is written anew
	}
	record.Project, record.Dir, record.Files = p.Name, p.WorkingDir, p.ComposeFiles
	record.Profiles, record.EnvFiles = opts.Source.Profiles, opts.Source.EnvFiles
	record.Running = !opts.NoStart
	return record
}
