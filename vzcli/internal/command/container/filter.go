package container

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
	"vz.internal/vzoci/reference"
)

// A filter is the --filter flags of ps.
type filter struct {
	output.Filters
	names         []*regexp.Regexp
	before, since time.Time
}

func newFilter(env *command.Env, s *command.Services, words []string) (*filter, error) {
	parsed, err := output.ParseFilters(words, "id", "name", "label", "exited", "status", "ancestor", "before", "since",
		"volume", "network", "publish", "expose", "health", "is-task")
	if err != nil {
		return nil, err
	}
	f := &filter{Filters: parsed}
	for _, pattern := range parsed["name"] {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil, vzcontract.Errorf(vzcontract.ErrValidation, "--filter name=%s: %w", pattern, err)
		}
		f.names = append(f.names, re)
	}
	for _, code := range parsed["exited"] {
		if _, err := strconv.Atoi(code); err != nil {
			return nil, vzcontract.Errorf(vzcontract.ErrValidation, "--filter exited=%s: want an exit code", code)
		}
	}
	known := []string{"created", "restarting", "running", "removing", "paused", "exited", "dead"}
	for _, s := range parsed["status"] {
		if !slices.Contains(known, s) {
			return nil, vzcontract.Errorf(vzcontract.ErrValidation, "--filter status=%s: unknown status; known are %s", s, strings.Join(known, ", "))
		}
	}
	verdicts := []string{"none", string(vzcontract.HealthStarting), string(vzcontract.HealthHealthy), string(vzcontract.HealthUnhealthy)}
	for _, v := range parsed["health"] {
		if !slices.Contains(verdicts, v) {
			return nil, vzcontract.Errorf(vzcontract.ErrValidation, "--filter health=%s: want %s", v, strings.Join(verdicts, ", "))
		}
	}
	for _, key := range []string{"publish", "expose"} {
		for _, spec := range parsed[key] {
			if !portSpec.MatchString(spec) {
				return nil, vzcontract.Errorf(vzcontract.ErrValidation, "--filter %s=%s: want PORT[-END][/PROTOCOL]", key, spec)
			}
		}
	}
	for key, at := range map[string]*time.Time{"before": &f.before, "since": &f.since} {
		for _, name := range parsed[key] {
			info, err := s.Backend.Inspect(env.Ctx, name)
			if err != nil {
				return nil, err
			}
			*at = info.CreatedAt
		}
	}
	return f, nil
}

// asksState reports whether the filter asks for states of its own, so that
// stopped containers are looked at too.
func (f *filter) asksState() bool {
	_, status := f.Filters["status"]
	_, exited := f.Filters["exited"]
	return status || exited
}

func (f *filter) ok(c vzcontract.ContainerInfo) bool {
	return f.MatchLabels(c.Labels) &&
		f.Match("id", func(v string) bool { return v != "" && strings.HasPrefix(c.ID, v) }) &&
		(f.names == nil || slices.ContainsFunc(f.names, func(re *regexp.Regexp) bool { return re.MatchString(c.Name) || re.MatchString("/"+c.Name) })) &&
		f.Match("status", func(v string) bool { return v == State(c) }) &&
		f.Match("exited", func(v string) bool { return exitedWith(c, v) }) &&
		f.Match("ancestor", func(v string) bool { return descends(c, v) }) &&
		f.Match("volume", func(v string) bool { return mounts(c, v) }) &&
		f.Match("network", func(v string) bool { return connected(c, v) }) &&
		f.Match("health", func(v string) bool { return health(c) == v }) &&
		f.Match("publish", func(v string) bool { return publishes(c, v) }) &&
		f.Match("expose", func(v string) bool { return exposes(c, v) }) &&
		f.Match("is-task", func(v string) bool { return v == "false" }) &&
		(f.before.IsZero() || c.CreatedAt.Before(f.before)) && c.CreatedAt.After(f.since)
}

func exitedWith(c vzcontract.ContainerInfo, code string) bool {
	return c.State == vzcontract.StateStopped && c.Exit != nil && strconv.Itoa(c.Exit.Code) == code
}

func descends(c vzcontract.ContainerInfo, image string) bool {
	id := strings.TrimPrefix(c.ImageID, "sha256:")
	return c.Image == image || sameImage(c.Image, image) ||
		len(image) >= 4 && strings.HasPrefix(id, strings.TrimPrefix(image, "sha256:"))
}

// sameImage reports whether two references mean one name: busybox is
// docker.io/library/busybox:latest.
func sameImage(a, b string) bool {
	x, err1 := reference.Parse(a)
	y, err2 := reference.Parse(b)
	return err1 == nil && err2 == nil && x == y
}

func mounts(c vzcontract.ContainerInfo, v string) bool {
	return slices.ContainsFunc(c.Mounts, func(m vzcontract.MountInfo) bool {
		return m.Name == v || m.Target == path.Clean(v) || m.Source == v
	})
}

func connected(c vzcontract.ContainerInfo, v string) bool {
	return slices.ContainsFunc(c.Networks, func(n vzcontract.NetworkEndpoint) bool {
		return n.Network == v || len(v) >= 4 && strings.HasPrefix(n.NetworkID, v)
	})
}

func health(c vzcontract.ContainerInfo) string {
	if c.Health == nil {
		return "none"
	}
	return string(c.Health.Status)
}

var portSpec = regexp.MustCompile(`^[0-9]{1,5}(-[0-9]{1,5})?(/[a-z]+)?$`)

// portIn reports whether a port lies in PORT[-END][/PROTOCOL].
func portIn(spec string, port uint16, protocol string) bool {
	spec, want, has := strings.Cut(spec, "/")
	a, b, isRange := strings.Cut(spec, "-")
	if !isRange {
		b = a
	}
	first, err1 := strconv.Atoi(a)
	last, err2 := strconv.Atoi(b)
	return err1 == nil && err2 == nil && int(port) >= first && int(port) <= last && (!has || want == protocol)
}

func publishes(c vzcontract.ContainerInfo, spec string) bool {
	return slices.ContainsFunc(c.Ports, func(p vzcontract.PublishedPort) bool {
		return p.HostPort != 0 && portIn(spec, p.HostPort, p.Protocol)
	})
}

func exposes(c vzcontract.ContainerInfo, spec string) bool {
	for _, e := range c.Exposed {
		number, protocol, _ := strings.Cut(e, "/")
		n, err := strconv.ParseUint(number, 10, 16)
		if err == nil && portIn(spec, uint16(n), protocol) {
			return true
		}
	}
	return slices.ContainsFunc(c.Ports, func(p vzcontract.PublishedPort) bool { return portIn(spec, p.ContainerPort, p.Protocol) })
}
