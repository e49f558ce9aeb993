package changes

import (
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
)

// Apply changes c as the instructions say, in their order. A line that is not
// understood is ErrValidation and is quoted.
func Apply(c *v1.Config, lines []string) error {
	for _, line := range lines {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		instruction, known := instructions[strings.ToUpper(word)]
		reason := ""
		switch {
		case !known:
			reason = "only CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, STOPSIGNAL, USER, VOLUME and WORKDIR can be changed"
		case rest == "":
			reason = "the value is missing"
		default:
			reason = instruction(c, rest)
		}
		if reason != "" {
			return vzcontract.Errorf(vzcontract.ErrValidation, "change %q: %s", line, reason)
		}
	}
	return nil
}

// An instruction changes c, or says why not.
type instruction func(c *v1.Config, rest string) (reason string)

var instructions = map[string]instruction{
	"CMD":        func(c *v1.Config, s string) (reason string) { c.Cmd, reason = command(c, s); return reason },
	"ENTRYPOINT": func(c *v1.Config, s string) (reason string) { c.Entrypoint, reason = command(c, s); return reason },
	"ENV":        env,
	"EXPOSE":     expose,
	"LABEL":      label,
	"ONBUILD":    func(c *v1.Config, s string) string { c.OnBuild = append(slices.Clone(c.OnBuild), s); return "" },
	"SHELL":      shell,
	"STOPSIGNAL": func(c *v1.Config, s string) string { c.StopSignal = s; return "" },
	"USER":       func(c *v1.Config, s string) string { c.User = s; return "" },
	"VOLUME":     volume,
	"WORKDIR":    workdir,

	"HEALTHCHECK": healthcheck,
}

func env(c *v1.Config, s string) string {
	pairs, reason := pairs(s)
	if reason != "" {
		return reason
	}
	c.Env = slices.Clone(c.Env)
	for _, p := range pairs {
		same := func(old string) bool { return strings.HasPrefix(old, p.key+"=") }
		if i := slices.IndexFunc(c.Env, same); i >= 0 {
			c.Env[i] = p.key + "=" + p.value
			continue
		}
		c.Env = append(c.Env, p.key+"="+p.value)
	}
	return ""
}

func label(c *v1.Config, s string) string {
	pairs, reason := pairs(s)
	if reason != "" {
		return reason
	}
	labels := map[string]string{}
	for key, value := range c.Labels {
		labels[key] = value
	}
	for _, p := range pairs {
		labels[p.key] = p.value
	}
	c.Labels = labels
	return ""
}

func expose(c *v1.Config, s string) string {
	ports := map[string]struct{}{}
	for p := range c.ExposedPorts {
		ports[p] = struct{}{}
	}
	for _, p := range strings.Fields(s) {
		number, protocol, named := strings.Cut(p, "/")
		if !named {
			protocol = "tcp"
		}
		if strings.Trim(number, "0123456789-") != "" || !slices.Contains([]string{"tcp", "udp", "sctp"}, protocol) {
			return p + " is not a port such as 80 or 53/udp"
		}
		ports[number+"/"+protocol] = struct{}{}
	}
	c.ExposedPorts = ports
	return ""
}

func volume(c *v1.Config, s string) string {
	list, isJSON, reason := array(s)
	if reason != "" {
		return reason
	}
	if !isJSON {
		list = strings.Fields(s)
	}
	volumes := map[string]struct{}{}
	for v := range c.Volumes {
		volumes[v] = struct{}{}
	}
	for _, v := range list {
		if !strings.HasPrefix(v, "/") {
			return v + " is not an absolute path"
		}
		volumes[v] = struct{}{}
	}
	c.Volumes = volumes
	return ""
}

func workdir(c *v1.Config, s string) string {
	if !strings.HasPrefix(s, "/") {
		base := c.WorkingDir
		if base == "" {
			base = "/"
		}
		s = strings.TrimSuffix(base, "/") + "/" + s
	}
	c.WorkingDir = s
	return ""
}

func shell(c *v1.Config, s string) string {
	list, isJSON, reason := array(s)
	switch {
	case reason != "":
		return reason
	case !isJSON || len(list) == 0:
		return `SHELL takes a list, as in SHELL ["/bin/bash", "-c"]`
	}
	c.Shell = list
	return ""
}
