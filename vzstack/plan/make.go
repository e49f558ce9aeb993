package plan

import (
	"maps"
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// Recreate says when a container is made anew.
type Recreate string

// The choices of recreation.
const (
	Diverged Recreate = ""       // when its configuration or image changed
	Always   Recreate = "always" // --force-recreate
	Never    Recreate = "never"  // --no-recreate
)

// Options of Make.
type Options struct {
	// Targets are the services that were named; empty is all. The others of
	// Desired are there because these depend on them.
	Targets []string
	// Recreate holds for the targets, RecreateDeps for the others.
	Recreate, RecreateDeps Recreate
	// NoStart makes containers and starts none.
	NoStart bool
	// NoDeps: nothing is waited for.
	NoDeps        bool
	RemoveOrphans bool
	// RenewVolumes gives new containers new anonymous volumes.
	RenewVolumes bool
	// Known are all services of the files, also those not wanted now; what
	// belongs to none of them is an orphan.
	Known []string
	// Existing: nothing is made; what exists is started.
	Existing bool
	// InPlace: the backend cannot rename, so the old container goes before the
	// new one is made.
	InPlace bool
}

// Make says how to come from have to want. A name that is taken or an external
// thing that is missing is an error; then nothing should be done.
func Make(want *Desired, have *Observed, opts Options) (*Plan, error) {
	m := &maker{
		want: want, have: have, opts: opts, plan: &Plan{}, replicas: have.Of(want.Project),
		networks: map[string]int{}, volumes: map[string]int{}, pulls: map[string]int{},
		renewed: map[string]bool{}, remade: map[string]bool{}, ready: map[string][]int{}, present: map[string][]int{},
		cleared: map[string]Container{}, waits: map[waitKey]int{},
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	order := m.order()
	m.decide(order)
	if err := m.makePulls(order); err != nil {
		return nil, err
	}
	if !opts.Existing {
		m.makeNetworks()
		m.makeVolumes()
	}
	for _, name := range order {
		m.service(want.Service(name))
	}
	m.orphans()
	m.pullFirst()
	return m.plan, nil
}

// pullFirst has everything wait until all images are here: a name that is
// misspelled should leave nothing half made.
func (m *maker) pullFirst() {
	pulls := slices.Sorted(maps.Values(m.pulls))
	for i := range m.plan.Steps {
		if s := &m.plan.Steps[i]; s.Kind != Pull && len(s.After) == 0 {
			s.After = pulls
		}
	}
}

// A maker makes one plan.
type maker struct {
	want *Desired
	have *Observed
	opts Options
	plan *Plan

	replicas map[string][]Container
	networks map[string]int // steps that make networks, by name
	volumes  map[string]int
	pulls    map[string]int
	renewed  map[string]bool      // networks that are made anew, by name
	remade   map[string]bool      // services of which containers are made anew
	present  map[string][]int     // last steps after which a service's containers exist under their names
	ready    map[string][]int     // last steps after which they run
	cleared  map[string]Container // removed to make a network anew, by name
	waits    map[waitKey]int
}

type waitKey struct {
	service   string
	condition Condition
	optional  bool
}

// at is an error about a key of the files.
func at(path string, class error, format string, args ...any) error {
	return &PathError{path, vzcontract.Errorf(class, format, args...)}
}

// check finds what makes the plan impossible, before anything is done.
func (m *maker) check() error {
	for _, n := range m.want.Networks {
		have, ok := m.have.Networks[n.Config.Name]
		switch {
		case n.External && !ok:
			return at("networks."+n.Key, vzcontract.ErrNotFound, "network %s declared as external, but could not be found: make it with `vz network create %s`", n.Config.Name, n.Config.Name)
		case !n.External && ok && have.Labels[LabelProject] != m.want.Project:
			return at("networks."+n.Key, vzcontract.ErrConflict, "the network %s exists and does not belong to project %s: remove it, or declare it external", n.Config.Name, m.want.Project)
		}
	}
	for _, v := range m.want.Volumes {
		if _, ok := m.have.Volumes[v.Config.Name]; v.External && !ok {
			return at("volumes."+v.Key, vzcontract.ErrNotFound, "external volume %q not found: make it with `vz volume create %s`", v.Config.Name, v.Config.Name)
		}
	}
	names := map[string]string{}
	for i := range m.want.Services {
		s := &m.want.Services[i]
		if s.Build && !m.opts.Existing && m.have.Images[s.Run.Image] == "" {
			return at("services."+s.Name+".build", vzcontract.ErrUnsupported,
				"service %s: build: vz cannot build images yet, and there is no image %s: build it with another tool and bring it in with `vz load`, or pull it under that name",
				s.Name, s.Run.Image)
		}
		for n := 1; n <= s.Replicas; n++ {
			name := s.Container(m.want.Project, n)
			if other, ok := names[name]; ok {
				return at("services."+s.Name+".container_name", vzcontract.ErrConflict, "container name %q is already in use: services %s and %s both want it", name, other, s.Name)
			}
			names[name] = s.Name
			if by, ok := m.have.taken(name, m.want.Project, s.Name); ok {
				return at("services."+s.Name+".container_name", vzcontract.ErrConflict, "service %s: the container name %s is in use by %s: remove or rename that one", s.Name, name, by)
			}
		}
	}
	return nil
}

// order sorts services so that each comes after those it needs. Cycles were
// refused when the files were loaded.
func (m *maker) order() []string {
	var order []string
	var visit func(name string)
	seen := map[string]bool{}
	visit = func(name string) {
		s := m.want.Service(name)
		if s == nil || seen[name] {
			return
		}
		seen[name] = true
		for _, d := range s.DependsOn {
			visit(d.Service)
		}
		for _, other := range s.SharesWith {
			visit(other)
		}
		order = append(order, name)
	}
	for _, s := range m.want.Services {
		visit(s.Name)
	}
	return order
}

func (m *maker) target(name string) bool {
	return len(m.opts.Targets) == 0 || slices.Contains(m.opts.Targets, name)
}

// decide finds the services of which containers are made anew.
func (m *maker) decide(order []string) {
	for _, n := range m.want.Networks {
		have, ok := m.have.Networks[n.Config.Name]
		if ok && !n.External && have.Labels[LabelConfigured] != n.Hash {
			m.renewed[n.Config.Name] = true
		}
	}
	for _, name := range order {
		s := m.want.Service(name)
		for i := range m.replicas[name] {
			if c := &m.replicas[name][i]; c.Number <= s.Replicas && m.outdated(s, c) {
				m.remade[name] = true
			}
		}
		for _, other := range s.SharesWith {
			if m.remade[other] && len(m.replicas[name]) > 0 {
				m.remade[name] = true
			}
		}
	}
}

// outdated reports whether a container must be made anew.
func (m *maker) outdated(s *Service, c *Container) bool {
	for _, at := range s.Run.Networks {
		if m.renewed[at.Network] {
			return true
		}
	}
	policy := m.opts.Recreate
	if !m.target(s.Name) {
		policy = m.opts.RecreateDeps
	}
	switch policy {
	case Always:
		return true
	case Never:
		return false
	}
	image, known := m.have.Images[s.Run.Image]
	return c.Hash != s.Hash || known && c.ImageID != "" && image != c.ImageID
}

func (m *maker) makeNetworks() {
	for _, n := range m.want.Networks {
		name := n.Config.Name
		if _, ok := m.have.Networks[name]; n.External || ok && !m.renewed[name] {
			continue
		}
		var after []int
		if m.renewed[name] {
			after = []int{m.plan.add(Step{Kind: RemoveNetwork, Name: name, After: m.clear(name)})}
		}
		m.networks[name] = m.plan.add(Step{Kind: CreateNetwork, Name: name, After: after})
	}
}

// clear removes all containers of the project from a network that is made
// anew, and returns the steps.
func (m *maker) clear(network string) []int {
	var steps []int
	for _, name := range slices.Sorted(maps.Keys(m.replicas)) {
		list := m.replicas[name]
		for _, c := range list {
			if slices.ContainsFunc(c.Config.Networks, func(at vzcontract.NetworkAttach) bool { return at.Network == network }) {
				steps = append(steps, m.stopAndRemove(c, nil))
			}
		}
		for _, c := range list {
			if m.gone(c.ID) {
				m.cleared[c.Name] = c
			}
		}
		m.replicas[name] = slices.DeleteFunc(list, func(c Container) bool { return m.gone(c.ID) })
	}
	return steps
}

// gone reports whether a step removes the container.
func (m *maker) gone(id string) bool {
	return slices.ContainsFunc(m.plan.Steps, func(s Step) bool { return s.Kind == Remove && s.ID == id })
}

func (m *maker) makeVolumes() {
	for _, v := range m.want.Volumes {
		have, ok := m.have.Volumes[v.Config.Name]
		switch {
		case v.External:
		case !ok:
			m.volumes[v.Config.Name] = m.plan.add(Step{Kind: CreateVolume, Name: v.Config.Name})
		case have.Labels[LabelProject] != m.want.Project:
			m.plan.Warnings = append(m.plan.Warnings, "volume "+v.Config.Name+" exists already and does not belong to project "+m.want.Project+"; it is used as it is")
		case have.Labels[LabelConfigured] != v.Hash:
			m.plan.Warnings = append(m.plan.Warnings, "volume "+v.Config.Name+" was made with other settings; it stays as it is, because making it anew would lose its data")
		}
	}
}

// makePulls plans to fetch the images that containers to be made need, each
// once.
func (m *maker) makePulls(order []string) error {
	for _, name := range order {
		s := m.want.Service(name)
		_, here := m.have.Images[s.Run.Image]
		if here || m.opts.Existing || !m.remade[name] && len(m.replicas[name]) >= s.Replicas {
			continue
		}
		if s.Run.Pull == vzcontract.PullNever {
			if m.have.Images == nil {
				continue // nobody knows
			}
			return at("services."+s.Name+".pull_policy", vzcontract.ErrNotFound, "service %s: there is no image %s, and its pull_policy is never", name, s.Run.Image)
		}
		key := pullKey(s)
		if _, ok := m.pulls[key]; !ok {
			m.pulls[key] = m.plan.add(Step{Kind: Pull, Name: s.Run.Image, Service: s.Name})
		}
	}
	return nil
}

func pullKey(s *Service) string { return s.Run.Image + " " + s.Run.Platform }

// orphans are containers of services that the files no longer have, and those
// of a run that has ended.
func (m *maker) orphans() {
	var gone []Container
	for _, c := range m.have.Containers {
		if c.Project == m.want.Project && c.OneOff && c.State == vzcontract.StateStopped && !c.Restarting {
			gone = append(gone, c)
		}
	}
	for name, list := range m.replicas {
		if m.want.Service(name) == nil && !slices.Contains(m.opts.Known, name) {
			gone = append(gone, list...)
		}
	}
	slices.SortFunc(gone, func(a, b Container) int { return strings.Compare(a.Name, b.Name) })
	for _, c := range gone {
		m.plan.Orphans = append(m.plan.Orphans, c.Name)
	}
	if m.opts.RemoveOrphans {
		teardown(m.plan, gone)
	}
}
