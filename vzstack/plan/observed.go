package plan

import (
	"cmp"
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// Observed is what there is when a plan is made.
type Observed struct {
	// Containers are all of the host's that belong to a project, any project.
	Containers []Container
	// Others maps the names of all other containers to their ids.
	Others   map[string]string
	Networks map[string]vzcontract.NetworkInfo // by name
	Volumes  map[string]vzcontract.VolumeInfo  // by name
	// Images maps references of the project to the ids of images in the
	// store; a reference that is missing is not there. Nil is that nobody knows.
	Images map[string]string
}

// Of returns the replicas of a project, by service and number; one-off
// containers are left out.
func (o *Observed) Of(project string) map[string][]Container {
	services := map[string][]Container{}
	for _, c := range o.Containers {
		if c.Project == project && !c.OneOff {
			services[c.Service] = append(services[c.Service], c)
		}
	}
	for _, list := range services {
		slices.SortFunc(list, func(a, b Container) int {
			return cmp.Or(cmp.Compare(a.Number, b.Number), a.CreatedAt.Compare(b.CreatedAt))
		})
	}
	return services
}

// taken says which container has a name, other than those of the service in
// the project.
func (o *Observed) taken(name, project, service string) (by string, ok bool) {
	if _, ok := o.Others[name]; ok {
		return "a container that belongs to no project", true
	}
	for _, c := range o.Containers {
		if c.Name == name && (c.Project != project || c.Service != service) {
			return "service " + c.Service + " of project " + c.Project, true
		}
	}
	return "", false
}

// shares lists the services whose container c uses.
func (c *Container) shares() []string {
	return strings.FieldsFunc(c.Labels[LabelShares], func(r rune) bool { return r == ',' })
}

// dependencies lists the services that c was started after.
func (c *Container) dependencies() []string {
	var names []string
	for _, d := range ParseDependsOn(c.Labels[LabelDependsOn]) {
		names = append(names, d.Service)
	}
	return append(names, c.shares()...)
}
