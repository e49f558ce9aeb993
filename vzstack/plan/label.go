package plan

import (
	"cmp"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
)

// The labels that tie things to a project. They are those of docker compose,
// so that tools that look for them find these containers too.
const (
	LabelProject    = "com.docker.compose.project"
	LabelDir        = "com.docker.compose.project.working_dir"
	LabelFiles      = "com.docker.compose.project.config_files"
	LabelService    = "com.docker.compose.service"
	LabelNumber     = "com.docker.compose.container-number"
	LabelOneOff     = "com.docker.compose.oneoff"
	LabelSlug       = "com.docker.compose.slug"
	LabelVersion    = "com.docker.compose.version"
	LabelHash       = "com.docker.compose.config-hash"
	LabelDependsOn  = "com.docker.compose.depends_on"
	LabelNetwork    = "com.docker.compose.network"
	LabelVolume     = "com.docker.compose.volume"
	LabelReplaces   = "vz.stack.replaces"   // the container that this one is to follow
	LabelPreStop    = "vz.stack.pre-stop"   // hooks, as JSON
	LabelPostStart  = "vz.stack.post-start" // the same
	LabelShares     = "vz.stack.shares"     // services whose namespaces it uses
	LabelAnonymous  = "vz.stack.anonymous"  // volumes taken over from its predecessor
	LabelConfigured = "vz.stack.configured" // hash of a network or volume
)

// ComposeVersion is the version of docker compose whose labels and files these
// are, for tools that ask.
const ComposeVersion = "2.40.3"

// A Container is what there is of a service.
type Container struct {
	vzcontract.ContainerInfo
	Project, Service string
	Number           int
	OneOff           bool
	Hash             string
	// Replaces is the id of the container that this one was to follow.
	Replaces string
}

// ContainerOf reads the labels of a container; ok is false where it belongs to
// no project.
func ContainerOf(info vzcontract.ContainerInfo) (c Container, ok bool) {
	l := info.Labels
	c = Container{
		ContainerInfo: info, Project: l[LabelProject], Service: l[LabelService],
		OneOff: strings.EqualFold(l[LabelOneOff], "true"), Hash: l[LabelHash], Replaces: l[LabelReplaces],
	}
	c.Number, _ = strconv.Atoi(l[LabelNumber]) // a damaged label is number 0, which no replica has
	return c, c.Project != "" && c.Service != ""
}

// Running reports whether a program of it runs or is about to again.
func (c *Container) Running() bool {
	return c.State == vzcontract.StateRunning || c.State == vzcontract.StatePaused || c.Restarting
}

// DependsOnLabel writes dependencies as docker compose does.
func DependsOnLabel(deps []Dependency) string {
	words := make([]string, len(deps))
	for i, d := range deps {
		words[i] = d.Service + ":" + string(d.Condition) + ":" + strconv.FormatBool(d.Restart)
	}
	return strings.Join(words, ",")
}

// ParseDependsOn reads what DependsOnLabel wrote.
func ParseDependsOn(label string) []Dependency {
	var deps []Dependency
	for word := range strings.SplitSeq(label, ",") {
		fields := strings.Split(word, ":")
		if fields[0] == "" {
			continue
		}
		d := Dependency{Service: fields[0], Condition: Started}
		if len(fields) > 1 {
			d.Condition = Condition(fields[1])
		}
		if len(fields) > 2 {
			d.Restart = fields[2] == "true"
		}
		deps = append(deps, d)
	}
	return deps
}

// Container is the name of replica n.
func (s *Service) Container(project string, n int) string {
	if s.ContainerName != "" {
		return s.ContainerName
	}
	join := cmp.Or(s.Separator, "-")
	return project + join + s.Name + join + strconv.Itoa(n)
}
