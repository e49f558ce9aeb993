package vzstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// Resume starts again, in the order of their dependencies and with their
// conditions, the containers of all projects that should run: after a reboot,
// or after everything was killed. It needs no Compose files. What ended by
// itself and has no restart policy stays as it is, and so does what somebody
// stopped.
func (s *Stack) Resume(ctx context.Context) error {
	records, err := s.Records()
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range records {
		if !r.Running {
			continue
		}
		if err := s.resume(ctx, r.Project); err != nil {
			errs = append(errs, fmt.Errorf("project %s: %w", r.Project, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Stack) resume(ctx context.Context, project string) error {
	return s.locked(ctx, project, func(have *plan.Observed, mine []plan.Container) error {
		d := &plan.Desired{Project: project}
		for _, c := range mine {
			addService(d, c)
		}
		seen := *have
		seen.Containers = slices.Clone(have.Containers)
		for i := range seen.Containers {
			if c := &seen.Containers[i]; c.Project == project && finished(c) {
				c.State = vzcontract.StateRunning // as far as the plan is concerned
			}
		}
		made, err := plan.Make(d, &seen, plan.Options{Recreate: plan.Never, RecreateDeps: plan.Never, Existing: true})
		if err != nil {
			return err
		}
		r := &runner{Stack: s, want: d, have: have, plan: made, watch: s.newWatcher(ctx), partial: true}
		defer r.watch.close()
		return r.run(ctx)
	})
}

// finished reports whether a container ended by itself, or on request, and is to
// stay so.
func finished(c *plan.Container) bool {
	if c.StopAsked {
		return true
	}
	if c.State != vzcontract.StateStopped || c.Exit == nil || c.Exit.Unknown {
		return false
	}
	switch c.Config.Restart.Mode {
	case vzcontract.RestartAlways, vzcontract.RestartUnlessStopped:
		return false
	case vzcontract.RestartOnFailure:
		return c.Exit.Code == 0
	}
	return true
}

// addService describes a service by the labels of one of its containers.
func addService(d *plan.Desired, c plan.Container) {
	service := d.Service(c.Service)
	if service == nil {
		d.Services = append(d.Services, plan.Service{Name: c.Service, Run: c.Config, Hash: c.Hash})
		service = &d.Services[len(d.Services)-1]
		service.DependsOn = plan.ParseDependsOn(c.Labels[plan.LabelDependsOn])
		service.SharesWith = strings.FieldsFunc(c.Labels[plan.LabelShares], func(r rune) bool { return r == ',' })
		// A damaged label is no hook.
		_ = json.Unmarshal([]byte(c.Labels[plan.LabelPostStart]), &service.PostStart)
	}
	service.Replicas = max(service.Replicas, c.Number)
	if c.Name != (&plan.Service{Name: c.Service}).Container(d.Project, c.Number) {
		service.ContainerName = c.Name
	}
}
