package compose

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// A Host is what a translation has to know of where the project is to run.
type Host struct {
	// FilesDir is where files of secrets and configs will be put.
	FilesDir string
	// Secret returns a secret of vz's own store.
	Secret func(ctx context.Context, name string) ([]byte, error)
	// FileName names a file after its content without giving it away.
	FileName func(content []byte) string
	// Isolation is the backend's for services that ask for none, Isolations are all
	// that it has.
	Isolation  vzcontract.Isolation
	Isolations []vzcontract.Isolation
}

// Desired translates the project. What cannot be honoured is a *Refused; a
// missing file or secret matches vzcontract.ErrNotFound.
func (p *Project) Desired(ctx context.Context, host Host) (*plan.Desired, error) {
	resolved, err := p.Resolve()
	if err != nil {
		return nil, err
	}
	t := translator{ctx: ctx, Project: resolved.Project, host: host, separator: p.separator, all: p.all, alone: p.alone}
	d := t.translate()
	t.refused = append(p.refusedKeys(), t.refused...)
	if len(t.refused) > 0 {
		p.locate(t.refused)
		return nil, &Refused{Problems: t.refused}
	}
	if t.err != nil {
		return nil, p.Locate(t.err)
	}
	return d, nil
}

// A translator turns one project into plan's types.
type translator struct {
	ctx context.Context //nolint:containedctx // lives for one call
	*types.Project
	host    Host
	refused []Problem
	err     error               // the first that is not a refusal
	shared  string              // name of the machine that all services live in
	links   map[string][]string // further names of services, by service

	separator string // in names of containers
	all       bool   // networks and volumes that nobody uses too
	alone     bool   // services that are needed may have been left out
}

func (t *translator) problems() problems { return problems{all: &t.refused} }

// fail notes what makes the project impossible, at a path of its files.
func (t *translator) fail(path string, err error) {
	if t.err == nil {
		t.err = &plan.PathError{Path: path, Err: err}
	}
}

func (t *translator) translate() *plan.Desired {
	d := &plan.Desired{Project: t.Name, Dir: t.WorkingDir, Files: t.ComposeFiles, SharedVM: t.machine()}
	if d.SharedVM != nil {
		t.shared = d.SharedVM.Name
	}
	t.links = linkAliases(t.Project)
	usedNetworks, usedVolumes := map[string]bool{}, map[string]bool{}
	for _, name := range t.ServiceNames() {
		s := t.Services[name]
		d.Services = append(d.Services, t.service(s))
		for key := range s.Networks {
			usedNetworks[key] = true
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeVolume {
				usedVolumes[v.Source] = true
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(t.Networks)) {
		if n := t.network(key, t.Networks[key]); usedNetworks[key] || t.all {
			d.Networks = append(d.Networks, n)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(t.Volumes)) {
		if v := t.volume(key, t.Volumes[key]); usedVolumes[key] || t.all {
			d.Volumes = append(d.Volumes, v)
		}
	}
	t.uniquePorts(d)
	return d
}

func (t *translator) projectLabels(kind, key string, own types.Labels) map[string]string {
	labels := map[string]string{}
	maps.Copy(labels, own)
	labels[plan.LabelProject] = t.Name
	labels[kind] = key
	return labels
}

// linkAliases gives the names that links: want for other services.
func linkAliases(p *types.Project) map[string][]string {
	aliases := map[string][]string{}
	for _, name := range p.ServiceNames() {
		for _, link := range p.Services[name].Links {
			target, alias, ok := strings.Cut(link, ":")
			if ok && alias != target && !slices.Contains(aliases[target], alias) {
				aliases[target] = append(aliases[target], alias)
			}
		}
	}
	return aliases
}

// uniquePorts refuses two services of the project that want one host port.
func (t *translator) uniquePorts(d *plan.Desired) {
	type endpoint struct {
		ip    string
		port  uint16
		proto string
	}
	taken := map[endpoint]string{}
	for _, s := range d.Services {
		for _, m := range s.Run.Ports {
			if m.HostPort == 0 || m.HostPortEnd > m.HostPort {
				continue
			}
			e := endpoint{m.HostIP, m.HostPort, m.Protocol}
			if other, ok := taken[e]; ok && other != s.Name {
				t.fail("services."+s.Name+".ports", vzcontract.Errorf(vzcontract.ErrConflict, "services %s and %s both publish port %d/%s", other, s.Name, m.HostPort, m.Protocol))
			}
			taken[e] = s.Name
			if s.Replicas > 1 {
				t.fail("services."+s.Name+".ports", vzcontract.Errorf(vzcontract.ErrConflict,
					"service %s: its %d replicas cannot all publish port %d/%s; give a range such as %d-%d, or no host port",
					s.Name, s.Replicas, m.HostPort, m.Protocol, m.HostPort, int(m.HostPort)+s.Replicas-1))
			}
		}
	}
}
