package plan

import (
	"maps"
	"slices"
	"strings"
)

// DownOptions of Down.
type DownOptions struct {
	// Services limits it; nil is every container of the project.
	Services []string
	// Volumes removes named volumes of the project too.
	Volumes bool
	// Images to remove.
	Images []string
	// Orphans removes containers of services that Known does not have.
	Orphans bool
	// Known are the services of the files; nil is without files.
	Known []string
	// KeepNetworks is for single services.
	KeepNetworks bool
}

// Down plans to remove a project: containers in the reverse order of the graph
// they were started by, then networks.
func Down(project string, have *Observed, opts DownOptions) *Plan {
	p := &Plan{}
	var gone []Container
	for _, c := range have.Containers {
		switch {
		case c.Project != project:
		case opts.Services != nil && !slices.Contains(opts.Services, c.Service):
		case opts.Known != nil && !slices.Contains(opts.Known, c.Service) && !opts.Orphans:
			p.Orphans = append(p.Orphans, c.Name)
		default:
			gone = append(gone, c)
		}
	}
	slices.Sort(p.Orphans)
	removed := teardown(p, gone)
	if !opts.KeepNetworks {
		for _, name := range slices.Sorted(maps.Keys(have.Networks)) {
			if have.Networks[name].Labels[LabelProject] == project {
				p.add(Step{Kind: RemoveNetwork, Name: name, After: slices.Clone(removed)})
			}
		}
	}
	if opts.Volumes {
		for _, name := range slices.Sorted(maps.Keys(have.Volumes)) {
			if have.Volumes[name].Labels[LabelProject] == project {
				p.add(Step{Kind: RemoveVolume, Name: name, After: slices.Clone(removed)})
			}
		}
	}
	for _, image := range opts.Images {
		p.add(Step{Kind: RemoveImage, Name: image, After: slices.Clone(removed)})
	}
	return p
}

// StopAll plans to stop the given containers in the reverse order of their graph.
func StopAll(containers []Container) *Plan {
	p := &Plan{}
	stopInOrder(p, containers)
	return p
}

// teardown stops and removes containers; it returns the steps that remove.
func teardown(p *Plan, containers []Container) []int {
	containers = byName(containers)
	stops := stopInOrder(p, containers)
	removes := map[string]int{}
	var all []int
	for _, c := range backwards(containers) {
		var after []int
		if step, ok := stops[c.ID]; ok {
			after = append(after, step)
		}
		for _, other := range containers {
			if step, ok := removes[other.ID]; ok && slices.Contains(other.shares(), c.Service) {
				after = append(after, step) // those that use its namespaces go first
			}
		}
		removes[c.ID] = p.add(Step{Kind: Remove, Name: c.Name, Service: c.Service, ID: c.ID, After: after})
		all = append(all, removes[c.ID])
	}
	return all
}

// stopInOrder plans a stop of each running container after those that depend
// on it.
func stopInOrder(p *Plan, containers []Container) map[string]int {
	stops := map[string]int{}
	containers = byName(containers)
	needs := reach(containers)
	for _, c := range backwards(containers) {
		if !c.Running() {
			continue
		}
		var after []int
		for _, other := range containers {
			if step, ok := stops[other.ID]; ok && needs[other.Service][c.Service] {
				after = append(after, step)
			}
		}
		stops[c.ID] = p.add(Step{Kind: Stop, Name: c.Name, Service: c.Service, ID: c.ID, After: after})
	}
	return stops
}

func byName(containers []Container) []Container {
	containers = slices.Clone(containers)
	slices.SortFunc(containers, func(a, b Container) int { return strings.Compare(a.Name, b.Name) })
	return containers
}

// reach gives, for each service, all that it needs, directly or through others.
func reach(containers []Container) map[string]map[string]bool {
	direct := map[string][]string{}
	for _, c := range containers {
		direct[c.Service] = append(direct[c.Service], c.dependencies()...)
	}
	all := map[string]map[string]bool{}
	for service := range direct {
		found := map[string]bool{}
		todo := slices.Clone(direct[service])
		for len(todo) > 0 {
			next := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if !found[next] && next != service {
				found[next] = true
				todo = append(todo, direct[next]...)
			}
		}
		all[service] = found
	}
	return all
}

// backwards sorts containers so that each comes before those it needs. Labels
// may be damaged, so a cycle is cut where it is found.
func backwards(containers []Container) []Container {
	var order []string
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, c := range containers {
			if c.Service == name {
				for _, next := range c.dependencies() {
					visit(next)
				}
			}
		}
		order = append(order, name)
	}
	for _, c := range containers {
		visit(c.Service)
	}
	slices.Reverse(order)
	sorted := slices.Clone(containers)
	slices.SortStableFunc(sorted, func(a, b Container) int {
		return slices.Index(order, a.Service) - slices.Index(order, b.Service)
	})
	return sorted
}
