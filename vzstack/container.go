package vzstack

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// sorted picks a project's containers, by service, then number, then name.
func sorted(all []vzcontract.ContainerInfo, project string) []plan.Container {
	var mine []plan.Container
	for _, info := range all {
		if c, ok := plan.ContainerOf(info); ok && c.Project == project {
			mine = append(mine, c)
		}
	}
	slices.SortFunc(mine, func(a, b plan.Container) int {
		return cmp.Or(strings.Compare(a.Service, b.Service), cmp.Compare(a.Number, b.Number), strings.Compare(a.Name, b.Name))
	})
	return mine
}

// pick keeps the containers of the named services; no names keep all.
func pick(all []plan.Container, services []string) []plan.Container {
	if len(services) == 0 {
		return all
	}
	var some []plan.Container
	for _, c := range all {
		if slices.Contains(services, c.Service) {
			some = append(some, c)
		}
	}
	return some
}

// Running finds the container of a service that runs: replica number, or for 0
// the first, else one of OneOff. None is an error that says so.
func (s *Stack) Running(ctx context.Context, project, service string, number int) (plan.Container, error) {
	all, err := s.Containers(ctx, project)
	if err != nil {
		return plan.Container{}, err
	}
	var oneOff *plan.Container
	for i := range all {
		c := &all[i]
		switch {
		case c.Service != service || !c.Running():
		case c.OneOff:
			oneOff = c
		case number == 0 || c.Number == number:
			return *c, nil
		}
	}
	switch {
	case number != 0:
		return plan.Container{}, vzcontract.Errorf(vzcontract.ErrConflict, "service %q is not running container #%d", service, number)
	case oneOff != nil:
		return *oneOff, nil
	}
	return plan.Container{}, vzcontract.Errorf(vzcontract.ErrConflict, "service %q is not running: start it with `vz stack up`", service)
}

// Container finds one replica of a service; number 0 is the first that runs,
// else the first.
func (s *Stack) Container(ctx context.Context, project, service string, number int) (plan.Container, error) {
	all, err := s.Containers(ctx, project)
	if err != nil {
		return plan.Container{}, err
	}
	var first *plan.Container
	for i := range all {
		c := &all[i]
		switch {
		case c.Service != service || c.OneOff:
		case number == 0 && c.State == vzcontract.StateRunning, number != 0 && c.Number == number:
			return *c, nil
		case first == nil && number == 0:
			first = c
		}
	}
	if first != nil {
		return *first, nil
	}
	if number > 1 {
		return plan.Container{}, vzcontract.Errorf(vzcontract.ErrNotFound, "service %s of project %s has no container %d", service, project, number)
	}
	return plan.Container{}, vzcontract.Errorf(vzcontract.ErrNotFound, "service %s of project %s has no container: start it with `vz stack up`", service, project)
}

// Inspect returns the present truth of one container.
func (s *Stack) Inspect(ctx context.Context, name string) (plan.Container, error) {
	info, err := s.cfg.Backend.Inspect(ctx, name)
	if err != nil {
		return plan.Container{}, err
	}
	c, _ := plan.ContainerOf(info)
	return c, nil
}
