package stack

import (
	"errors"
	"slices"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/container"
	"vz.internal/vzcli/internal/command/volume"
	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// container finds a replica of a service by its number, else the first.
func (p *project) container(env *command.Env, service string, index int) (plan.Container, error) {
	s, name, _, err := p.named(env, []string{service})
	if err != nil {
		return plan.Container{}, err
	}
	return s.Container(env.Ctx, name, service, index)
}

type export struct {
	*project `kong:"-"`
	Service  string `arg:"" help:"Service."`
	Output   string `short:"o" placeholder:"FILE" help:"File to write; stdout without."`
	Index    int    `placeholder:"N" help:"Which replica."`
}

// Run implements command.Verb.
func (c *export) Run(env *command.Env) error {
	one, err := c.container(env, c.Service, c.Index)
	if err != nil {
		return err
	}
	return container.Export(env, one.ID, c.Output)
}

type commit struct {
	*project `kong:"-"`
	Service  string `arg:"" help:"Service."`
	Image    string `arg:"" optional:"" help:"Name of the new image."`
	Index    int    `placeholder:"N" help:"Which replica."`
	container.CommitArgs
}

// Run implements command.Verb.
func (c *commit) Run(env *command.Env) error {
	one, err := c.container(env, c.Service, c.Index)
	if err != nil {
		return err
	}
	return container.Commit(env, one.ID, c.Image, c.CommitArgs)
}

type attach struct {
	*project `kong:"-"`
	Service  string `arg:"" help:"Service."`
	Index    int    `placeholder:"N" help:"Which replica."`
	container.AttachArgs
}

// Run implements command.Verb.
func (c *attach) Run(env *command.Env) error {
	one, err := c.container(env, c.Service, c.Index)
	if err != nil {
		return err
	}
	return container.Attach(env, one.ID, c.AttachArgs)
}

type stats struct {
	*project `kong:"-"`
	Service  string `arg:"" optional:"" help:"Service; all without."`
	container.StatsArgs
}

// Run implements command.Verb.
func (c *stats) Run(env *command.Env) error {
	var services []string
	if c.Service != "" {
		services = []string{c.Service}
	}
	s, name, _, err := c.named(env, services)
	if err != nil {
		return err
	}
	all, err := s.Containers(env.Ctx, name)
	if err != nil {
		return err
	}
	var names []string
	for _, one := range all {
		if (c.Service == "" || one.Service == c.Service) && (c.All || one.Running()) {
			names = append(names, one.Name)
		}
	}
	if names == nil {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "project %s has no containers to measure", name)
	}
	return container.Stats(env, names, c.StatsArgs)
}

type volumes struct {
	*project `kong:"-"`
	Services []string `arg:"" optional:"" help:"Only volumes that these services mount."`
	Format   string   `placeholder:"FORMAT" help:"table, json or a Go template."`
	Quiet    bool     `short:"q" help:"Show names only."`
}

// Run implements command.Verb.
func (c *volumes) Run(env *command.Env) error {
	s, name, _, err := c.named(env, c.Services)
	if err != nil {
		return err
	}
	var mounted []string
	all, err := s.Containers(env.Ctx, name)
	for _, one := range all {
		if slices.Contains(c.Services, one.Service) {
			for _, m := range one.Mounts {
				mounted = append(mounted, m.Name)
			}
		}
	}
	return errors.Join(err, volume.List(env, env.Listing(c.Format, c.Quiet), func(v vzcontract.VolumeInfo) bool {
		return v.Labels[plan.LabelProject] == name && (len(c.Services) == 0 || slices.Contains(mounted, v.Name))
	}))
}
