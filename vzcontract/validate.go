package vzcontract

import (
	"net/netip"
	"path"
	"strings"
)

// Validate refuses, with ErrValidation, what is wrong in c whatever the
// backend: bad names, relative paths, unknown modes, ports and mounts that
// contradict each other. What depends on the host or the image is left to the
// backend: signals, limits, capabilities, what exists.
func (c *RunConfig) Validate() error {
	switch {
	case c.Name != "" && !ValidName(c.Name):
		return invalid("invalid name %q: only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed", c.Name)
	case c.SharedVM != "" && !ValidName(c.SharedVM):
		return invalid("invalid name %q of a shared machine: only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed", c.SharedVM)
	case (c.Image == "") == (c.Rootfs == ""):
		return invalid("exactly one of image and root directory must be given")
	case c.Rootfs != "" && !path.IsAbs(c.Rootfs):
		return invalid("the root directory %q is not absolute", c.Rootfs)
	case c.WorkingDir != "" && !path.IsAbs(c.WorkingDir):
		return invalid("the working directory %q is not absolute", c.WorkingDir)
	case c.AutoRemove && c.Restart.Mode != "" && c.Restart.Mode != RestartNo:
		return invalid("a container cannot be removed when it stops and be restarted: choose one")
	case c.Idle && (len(c.Entrypoint) > 0 || len(c.Args) > 0):
		return invalid("an idle container runs no program: give no entrypoint and no arguments")
	case c.Resources.Disk < 0, c.Resources.Disk > 0 && c.Resources.Disk < MinDisk:
		return invalid("a disk of %d bytes: the least is %d MiB", c.Resources.Disk, MinDisk>>20)
	case c.Timeout < 0:
		return invalid("the timeout %s is negative", c.Timeout)
	}
	for _, entry := range c.Env {
		if name, _, ok := strings.Cut(entry, "="); !ok || name == "" || strings.Contains(entry, "\x00") {
			return invalid("invalid environment entry %q: want NAME=value", entry)
		}
	}
	for _, check := range []func() error{c.validateModes, c.validateJoined, c.validateMounts, c.validatePorts, c.validateHealth, c.validateHosts, c.validateEgress} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func invalid(format string, args ...any) error { return Errorf(ErrValidation, format, args...) }

// ValidName reports whether a container, network or volume may have the name:
// [a-zA-Z0-9][a-zA-Z0-9_.-]*, of at most 255 bytes.
func ValidName(name string) bool {
	for i := range len(name) {
		c := name[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '_' && c != '.' && c != '-') {
			return false
		}
	}
	return name != "" && len(name) <= 255
}

func (c *RunConfig) validateModes() error {
	switch c.Restart.Mode {
	case "", RestartNo, RestartAlways, RestartUnlessStopped, RestartOnFailure:
	default:
		return invalid("unknown restart policy %q", c.Restart.Mode)
	}
	if c.Restart.MaxRetries < 0 {
		return invalid("restart policy: the number of retries is negative")
	}
	switch c.Log.Driver {
	case "", "json-file", "local", "none":
	default:
		return invalid("unknown log driver %q: known are json-file, local and none", c.Log.Driver)
	}
	if c.Log.MaxSize < 0 || c.Log.MaxFiles < 0 {
		return invalid("log: sizes and numbers must not be negative")
	}
	switch c.Pull {
	case "", PullMissing, PullAlways, PullNever:
		return nil
	}
	return invalid("unknown pull policy %q", c.Pull)
}

// validateJoined refuses what a container that joins another one's network
// cannot have for itself.
func (c *RunConfig) validateJoined() error {
	other, joined := strings.CutPrefix(c.NetworkMode, "container:")
	if !joined {
		return nil
	}
	what := ""
	switch {
	case len(c.Ports) > 0 || c.PublishAll:
		what = "published ports"
	case len(c.DNS.Servers)+len(c.DNS.Search)+len(c.DNS.Options) > 0:
		what = "name servers"
	case len(c.ExtraHosts) > 0:
		what = "extra hosts"
	default:
		return nil
	}
	return invalid("network %s: the %s are those of container %s; give them to that one", c.NetworkMode, what, other)
}

func (c *RunConfig) validateMounts() error {
	targets := map[string]bool{}
	for _, m := range c.Mounts {
		if err := m.Validate(); err != nil {
			return err
		}
		target := path.Clean(m.Target)
		if targets[target] {
			return invalid("two mounts at %s", target)
		}
		targets[target] = true
	}
	return nil
}

// Validate refuses, with ErrValidation, what is wrong in m whatever the backend.
func (m *Mount) Validate() error {
	target := path.Clean(m.Target)
	switch {
	case !path.IsAbs(m.Target) || target == "/":
		return invalid("mount target %q: want an absolute path below /", m.Target)
	case strings.Contains("/"+m.Subpath+"/", "/../"):
		return invalid("subpath %q leads out of the volume", m.Subpath)
	case path.IsAbs(m.Subpath):
		return invalid("subpath %q is absolute", m.Subpath)
	case m.Subpath != "" && m.Type == MountTmpfs:
		return invalid("mount %s: a tmpfs has no subpath", target)
	}
	switch m.Type {
	case MountBind:
		if !path.IsAbs(m.Source) {
			return invalid("bind source %q is not absolute", m.Source)
		}
	case MountVolume:
		if m.Source != "" && !ValidName(m.Source) {
			return invalid("invalid volume name %q", m.Source)
		}
	case MountImage:
		if m.Source == "" {
			return invalid("mount %s: the image is missing", target)
		}
	case MountTmpfs:
	default:
		return invalid("unknown mount type %q", m.Type)
	}
	return nil
}

func (c *RunConfig) validatePorts() error {
	for _, p := range c.Ports {
		if p.HostIP != "" {
			if _, err := netip.ParseAddr(p.HostIP); err != nil {
				return invalid("port: invalid address %q", p.HostIP)
			}
		}
		width := int(p.ContainerPortEnd) - int(p.ContainerPort)
		switch {
		case p.Protocol != "tcp" && p.Protocol != "udp":
			return invalid("port: unknown protocol %q: want tcp or udp", p.Protocol)
		case p.ContainerPort == 0:
			return invalid("port: the container's port is missing")
		case p.ContainerPortEnd != 0 && width < 0, p.HostPortEnd != 0 && p.HostPortEnd < p.HostPort:
			return invalid("port: a range must rise")
		case p.HostPort != 0 && p.ContainerPortEnd != 0 && int(max(p.HostPortEnd, p.HostPort))-int(p.HostPort) != width:
			return invalid("port: both ranges must have the same length")
		}
	}
	return nil
}

func (c *RunConfig) validateHealth() error {
	h := c.Health
	if h == nil || len(h.Test) == 0 {
		return nil
	}
	switch {
	case h.Test[0] != "NONE" && h.Test[0] != "CMD" && h.Test[0] != "CMD-SHELL":
		return invalid("health check %q: want NONE, CMD or CMD-SHELL first", h.Test[0])
	case h.Test[0] != "NONE" && len(h.Test) < 2:
		return invalid("health check: the command is missing")
	case h.Interval < 0 || h.Timeout < 0 || h.StartPeriod < 0 || h.StartInterval < 0 || h.Retries < 0:
		return invalid("health check: times and retries must not be negative")
	}
	return nil
}

func (c *RunConfig) validateHosts() error {
	for _, h := range c.ExtraHosts {
		name, ip, ok := strings.Cut(h, ":")
		if ok && name != "" && ip == "host-gateway" {
			continue
		}
		if _, err := netip.ParseAddr(strings.Trim(ip, "[]")); !ok || name == "" || err != nil {
			return invalid("extra host %q: want NAME:ADDRESS or NAME:host-gateway", h)
		}
	}
	for _, s := range c.DNS.Servers {
		if _, err := netip.ParseAddr(s); err != nil {
			return invalid("name server %q is no address", s)
		}
	}
	return nil
}
