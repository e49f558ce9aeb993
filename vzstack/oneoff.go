package vzstack

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/compose"
	"vz.internal/vzstack/plan"
)

// OneOffOptions of OneOff; an empty field leaves what the service says.
type OneOffOptions struct {
	Name       string
	Args       []string
	Entrypoint *string // one word; an empty one clears it
	Env        []string
	Labels     map[string]string
	User       string
	WorkingDir string
	Mounts     []vzcontract.Mount
	CapAdd     []string
	CapDrop    []string
	Ports      []vzcontract.PortMapping
	// ServicePorts publishes the service's ports too.
	ServicePorts bool
	// UseAliases joins the networks under the service's names.
	UseAliases bool
	TTY        bool
	// Stdin is held open for the program; StdinOnce: until the first that is
	// attached lets go of it.
	Stdin      bool
	StdinOnce  bool
	AutoRemove bool
	NoDeps     bool
	Pull       vzcontract.PullPolicy
	// RemoveOrphans and IgnoreOrphans are those of UpOptions.
	RemoveOrphans, IgnoreOrphans bool
}

// OneOff makes a container for one command of a service, after starting what
// the service depends on. It is not started.
func (s *Stack) OneOff(ctx context.Context, p *compose.Project, name string, opts OneOffOptions) (vzcontract.ContainerInfo, error) {
	var none vzcontract.ContainerInfo
	selected, err := p.Select([]string{name}, compose.WithDependencies)
	if err != nil {
		return none, err
	}
	d, err := selected.Desired(ctx, s.Host(p.Name))
	if err != nil {
		return none, err
	}
	service := *d.Service(name)
	d.Service(name).Replicas = 0
	unlock, err := s.lock(ctx, p.Name)
	if err != nil {
		return none, err
	}
	defer unlock()
	if opts.NoDeps {
		d.Services = slices.DeleteFunc(d.Services, func(other plan.Service) bool { return other.Name != name })
	} else if err := s.prepareDependencies(ctx, p, d, service, opts); err != nil {
		return none, err
	}
	if err := s.prepareRest(ctx, p, d, &service); err != nil {
		return none, err
	}
	if err := s.fetch(ctx, &service, opts.Pull); err != nil {
		return none, err
	}
	cfg := oneOffConfig(p.Name, service, opts)
	if err := s.placeFiles(&plan.Desired{Services: []plan.Service{service}}); err != nil {
		return none, err
	}
	if err := s.boot(ctx, d); err != nil {
		return none, err
	}
	return s.cfg.Backend.Create(ctx, cfg)
}

// prepareDependencies brings up what the service needs and waits for its
// conditions.
func (s *Stack) prepareDependencies(ctx context.Context, p *compose.Project, d *plan.Desired, service plan.Service, opts OneOffOptions) error {
	have, err := s.observe(ctx, d)
	if err != nil {
		return err
	}
	want := *d
	want.Services = slices.DeleteFunc(slices.Clone(d.Services), func(other plan.Service) bool { return other.Name == service.Name })
	made, err := plan.Make(&want, have, plan.Options{
		Recreate: plan.Diverged, RemoveOrphans: opts.RemoveOrphans, Known: slices.Concat(p.ServiceNames(), p.DisabledServiceNames()),
	})
	if err != nil {
		return err
	}
	s.warnOrphans(made, opts.RemoveOrphans || opts.IgnoreOrphans)
	for _, dep := range service.DependsOn {
		var after []int
		for i, step := range made.Steps {
			if step.Service == dep.Service {
				after = append(after, i)
			}
		}
		if want.Service(dep.Service) != nil {
			made.Steps = append(made.Steps, plan.Step{Kind: plan.Wait, Name: dep.Service, Condition: dep.Condition, Optional: dep.Optional, After: after})
		}
	}
	r := &runner{Stack: s, want: &want, have: have, plan: made, watch: s.newWatcher(ctx)}
	defer r.watch.close()
	return r.run(ctx)
}

// prepareRest makes the networks, volumes and image that only the service itself needs.
func (s *Stack) prepareRest(ctx context.Context, p *compose.Project, d *plan.Desired, service *plan.Service) error {
	have, err := s.observe(ctx, d)
	if err != nil {
		return err
	}
	only := *d
	only.Services = []plan.Service{*service}
	only.Services[0].Replicas = 0
	made, err := plan.Make(&only, have, plan.Options{Known: slices.Concat(p.ServiceNames(), p.DisabledServiceNames())})
	if err != nil {
		return err
	}
	made.Steps = slices.DeleteFunc(made.Steps, func(step plan.Step) bool {
		return step.Kind != plan.CreateNetwork && step.Kind != plan.CreateVolume
	})
	for i := range made.Steps {
		made.Steps[i].After = nil
	}
	r := &runner{Stack: s, want: &only, have: have, plan: made}
	return r.run(ctx)
}

// fetch gets the image of a service where it is not here, or is to be fetched
// anyway, and says so.
func (s *Stack) fetch(ctx context.Context, service *plan.Service, policy vzcontract.PullPolicy) error {
	if s.cfg.Images == nil || service.Run.Image == "" {
		return nil // Create does it
	}
	service.Run.Pull = cmp.Or(policy, service.Run.Pull)
	if service.Run.Pull != vzcontract.PullAlways {
		_, err := s.cfg.Images.InspectImage(ctx, service.Run.Image)
		switch {
		case err == nil, service.Build, service.Run.Pull == vzcontract.PullNever:
			return nil // Create says what is missing
		case !errors.Is(err, vzcontract.ErrNotFound):
			return err
		}
	}
	err := s.pullImage(ctx, service)
	service.Run.Pull = vzcontract.PullMissing // it is here now
	return err
}

// oneOffConfig changes a service's configuration for one command.
func oneOffConfig(project string, service plan.Service, opts OneOffOptions) vzcontract.RunConfig {
	cfg := service.Run
	var id [6]byte
	_, _ = rand.Read(id[:]) // never fails
	slug, join := hex.EncodeToString(id[:]), cmp.Or(service.Separator, "-")
	cfg.Name = cmp.Or(opts.Name, strings.Join([]string{project, service.Name, "run", slug}, join))
	cfg.Labels = maps.Clone(cfg.Labels)
	maps.Copy(cfg.Labels, opts.Labels)
	cfg.Labels[plan.LabelOneOff], cfg.Labels[plan.LabelNumber], cfg.Labels[plan.LabelSlug] = "True", "1", slug
	if opts.Entrypoint != nil {
		cfg.Entrypoint, cfg.ClearEntrypoint, cfg.Args = strings.Fields(*opts.Entrypoint), *opts.Entrypoint == "", nil
	}
	if len(opts.Args) > 0 {
		cfg.Args = opts.Args
	}
	cfg.Env = slices.Concat(cfg.Env, opts.Env)
	if opts.User != "" {
		cfg.User = opts.User
	}
	if opts.WorkingDir != "" {
		cfg.WorkingDir = opts.WorkingDir
	}
	cfg.Security.CapAdd = slices.Concat(cfg.Security.CapAdd, opts.CapAdd)
	cfg.Security.CapDrop = slices.Concat(cfg.Security.CapDrop, opts.CapDrop)
	replaced := func(m vzcontract.Mount) bool {
		return slices.ContainsFunc(opts.Mounts, func(n vzcontract.Mount) bool { return n.Target == m.Target })
	}
	cfg.Mounts = append(slices.DeleteFunc(slices.Clone(cfg.Mounts), replaced), opts.Mounts...)
	if !opts.ServicePorts {
		cfg.Ports = nil
	}
	cfg.Ports = slices.Concat(cfg.Ports, opts.Ports)
	if !opts.UseAliases {
		cfg.Networks = slices.Clone(cfg.Networks)
		for i := range cfg.Networks {
			cfg.Networks[i].Aliases = nil
			cfg.Networks[i].IPv4, cfg.Networks[i].IPv6, cfg.Networks[i].MACAddress = "", "", ""
		}
	}
	cfg.TTY, cfg.OpenStdin, cfg.StdinOnce, cfg.AutoRemove = opts.TTY, opts.Stdin, opts.StdinOnce, opts.AutoRemove
	cfg.Restart = vzcontract.RestartPolicy{}
	cfg.Health = &vzcontract.HealthCheck{Test: []string{"NONE"}}
	return cfg
}
