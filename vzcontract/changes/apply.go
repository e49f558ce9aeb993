package changes

import (
	"path"
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// Apply changes c as the instructions say, in their order. A line that is not
// understood is ErrValidation and is quoted. What c shares with others is not
// written to.
func Apply(c *vzcontract.ImageConfig, lines []string) error {
	a := application{ImageConfig: c}
	for _, line := range instructionsOf(lines) {
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
			reason = instruction(&a, rest)
		}
		if reason != "" {
			return vzcontract.Errorf(vzcontract.ErrValidation, "change %q: %s", line, reason)
		}
	}
	return nil
}

// instructionsOf splits texts of several lines, as far as no backslash joins them.
func instructionsOf(lines []string) (all []string) {
	for _, text := range lines {
		if !strings.Contains(text, "\n") {
			all = append(all, text)
			continue
		}
		for line := range strings.SplitSeq(strings.ReplaceAll(text, "\\\n", ""), "\n") {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				all = append(all, line)
			}
		}
	}
	return all
}

// An application is under way.
type application struct {
	*vzcontract.ImageConfig
	command bool // there was a CMD
}

// An instruction changes c, or says why not.
type instruction func(c *application, rest string) (reason string)

var instructions = map[string]instruction{
	"CMD": func(c *application, s string) (reason string) {
		c.Cmd, reason = command(c, s)
		c.command = true
		return reason
	},
	"ENTRYPOINT": func(c *application, s string) (reason string) {
		if c.Entrypoint, reason = command(c, s); !c.command {
			c.Cmd = nil // it was for another program
		}
		return reason
	},
	"ENV":        env,
	"EXPOSE":     expose,
	"LABEL":      label,
	"ONBUILD":    func(c *application, s string) string { c.OnBuild = append(slices.Clone(c.OnBuild), s); return "" },
	"SHELL":      shell,
	"STOPSIGNAL": func(c *application, s string) (reason string) { c.StopSignal, reason = expand(s, c.Env); return reason },
	"USER":       func(c *application, s string) (reason string) { c.User, reason = expand(s, c.Env); return reason },
	"VOLUME":     volume,
	"WORKDIR":    workdir,

	"HEALTHCHECK": healthcheck,
}

func env(c *application, s string) string {
	pairs, reason := pairs(s, c.Env)
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

func label(c *application, s string) string {
	pairs, reason := pairs(s, c.Env)
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

func expose(c *application, s string) string {
	list, reason := words(s, c.Env)
	ports := slices.Clone(c.ExposedPorts)
	for _, p := range list {
		number, protocol, named := strings.Cut(p, "/")
		if !named {
			protocol = "tcp"
		}
		if number == "" || strings.Trim(number, "0123456789-") != "" || !slices.Contains([]string{"tcp", "udp", "sctp"}, protocol) {
			return p + " is not a port such as 80 or 53/udp"
		}
		ports = put(ports, number+"/"+protocol)
	}
	c.ExposedPorts = ports
	return reason
}

func volume(c *application, s string) string {
	list, isJSON, reason := array(s)
	if !isJSON && reason == "" {
		list, reason = words(s, c.Env)
	}
	volumes := slices.Clone(c.Volumes)
	for _, v := range list {
		if !strings.HasPrefix(v, "/") {
			return v + " is not an absolute path"
		}
		volumes = put(volumes, v)
	}
	c.Volumes = volumes
	return reason
}

func workdir(c *application, s string) string {
	s, reason := expand(s, c.Env)
	if !path.IsAbs(s) {
		s = path.Join("/", c.WorkingDir, s)
	}
	c.WorkingDir = s
	return reason
}

func shell(c *application, s string) string {
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

// put adds a value that may be there.
func put(list []string, v string) []string {
	if slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}
