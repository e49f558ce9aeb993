package vzstack

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/compose"
	"vz.internal/vzstack/plan"
)

// DownOptions of Down.
type DownOptions struct {
	Services []string
	Volumes  bool
	// Images is "", "local" (those without a name of their own) or "all".
	Images        string
	RemoveOrphans bool
	// IgnoreOrphans says nothing of them.
	IgnoreOrphans bool
	Stop          StopOptions
	DryRun        bool
}

// Down stops and removes the project's containers, networks and, when asked,
// volumes and images. p may be nil where the files are gone: then all that
// carries the project's name goes.
func (s *Stack) Down(ctx context.Context, project string, p *compose.Project, opts DownOptions) (*plan.Plan, error) {
	unlock, err := s.lock(ctx, project)
	if err != nil {
		return nil, err
	}
	defer unlock()
	have, err := s.observe(ctx, nil)
	if err != nil {
		return nil, err
	}
	o := plan.DownOptions{Services: opts.Services, Volumes: opts.Volumes, Orphans: opts.RemoveOrphans, KeepNetworks: opts.Services != nil}
	if p != nil {
		o.Known = slices.Concat(p.ServiceNames(), p.DisabledServiceNames())
		o.Images = imagesOf(p, opts.Images)
	} else {
		o.Images = imagesIn(have, project, opts.Images)
	}
	made := plan.Down(project, have, o)
	if opts.DryRun {
		return made, nil
	}
	if len(made.Orphans) > 0 && !opts.IgnoreOrphans {
		s.cfg.Warn(fmt.Sprintf("orphan containers, of services that the project no longer has stay: %v; --remove-orphans removes them", made.Orphans))
	}
	if len(made.Steps) == 0 {
		s.cfg.Warn("project " + project + ": nothing to remove")
	}
	r := &runner{Stack: s, have: have, plan: made, stop: opts.Stop, volumes: opts.Volumes}
	if err := r.run(ctx); err != nil {
		return made, err
	}
	if opts.Services != nil || len(made.Orphans) > 0 {
		return made, nil
	}
	if err := s.shutdownMachine(ctx, project); err != nil {
		return made, err
	}
	return made, s.forget(project)
}

// imagesOf lists the images that --rmi means.
func imagesOf(p *compose.Project, which string) []string {
	var images []string
	for _, name := range p.ServiceNames() {
		service := p.Services[name]
		ref := service.Image
		if ref == "" {
			ref = p.ImageName(name)
		}
		if which == "all" || which == "local" && service.Image == "" {
			if !slices.Contains(images, ref) {
				images = append(images, ref)
			}
		}
	}
	return images
}

// imagesIn lists the images that --rmi means where there are only containers.
func imagesIn(have *plan.Observed, project, which string) []string {
	var images []string
	for _, c := range have.Containers {
		own := c.Image == project+"-"+c.Service || c.Image == project+"_"+c.Service
		if c.Project == project && c.Image != "" && (which == "all" || which == "local" && own) && !slices.Contains(images, c.Image) {
			images = append(images, c.Image)
		}
	}
	return images
}

// Stop stops the containers of services, all when there are none, in the
// reverse order of their dependencies.
func (s *Stack) Stop(ctx context.Context, project string, services []string, opts StopOptions) error {
	return s.locked(ctx, project, func(have *plan.Observed, mine []plan.Container) error {
		chosen := pick(mine, services)
		r := &runner{Stack: s, have: have, plan: plan.StopAll(chosen), stop: opts}
		err := r.run(ctx)
		for _, c := range chosen {
			if err == nil && !c.Running() {
				s.tell("Container", c.Name, "Stopped") // it was before
			}
		}
		if err != nil || len(chosen) < len(mine) {
			return err
		}
		return s.setRunning(project, false)
	})
}

func (s *Stack) setRunning(project string, running bool) error {
	record, err := s.Record(project)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return nil // made by another tool, or before there were records
	}
	if err != nil {
		return err
	}
	record.Running = running
	return s.keep(record)
}

// locked runs f with what there is, under the project's lock.
func (s *Stack) locked(ctx context.Context, project string, f func(have *plan.Observed, mine []plan.Container) error) error {
	unlock, err := s.lock(ctx, project)
	if err != nil {
		return err
	}
	defer unlock()
	have, err := s.observe(ctx, nil)
	if err != nil {
		return err
	}
	var mine []plan.Container
	for _, c := range have.Containers {
		if c.Project == project && !c.OneOff {
			mine = append(mine, c)
		}
	}
	return f(have, mine)
}
