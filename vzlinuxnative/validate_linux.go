package vzlinuxnative

import (
	"net/netip"
	"path"
	"runtime"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/signame"
)

func invalid(format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, format, args...)
}

// validate refuses what is wrong in itself. What package ocispec refuses is
// left to it.
func validate(run *vzcontract.RunConfig) error {
	switch {
	case run.Name != "" && !record.ValidName(run.Name):
		return invalid("invalid name %q: only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed", run.Name)
	case (run.Image == "") == (run.Rootfs == ""):
		return invalid("exactly one of image and root directory must be given")
	case run.Rootfs != "" && !path.IsAbs(run.Rootfs):
		return invalid("the root directory %q is not absolute", run.Rootfs)
	case run.WorkingDir != "" && !path.IsAbs(run.WorkingDir):
		return invalid("the working directory %q is not absolute", run.WorkingDir)
	case run.AutoRemove && run.Restart.Mode != "" && run.Restart.Mode != vzcontract.RestartNo:
		return invalid("a container cannot be removed when it stops and be restarted: choose one")
	case run.Rootfs != "" && run.Platform != "" && run.Platform != "linux/"+runtime.GOARCH:
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "platform %s: a root directory runs as it is, on linux/%s", run.Platform, runtime.GOARCH)
	case run.Timeout < 0:
		return invalid("the timeout %s is negative", run.Timeout)
	}
	for _, entry := range run.Env {
		if name, _, ok := strings.Cut(entry, "="); !ok || name == "" || strings.Contains(entry, "\x00") {
			return invalid("invalid environment entry %q: want NAME=value", entry)
		}
	}
	if run.StopSignal != "" {
		if _, err := signame.Parse(run.StopSignal); err != nil {
			return invalid("stop signal: %w", err)
		}
	}
	for _, check := range []func(*vzcontract.RunConfig) error{validateModes, validateMounts, validatePorts, validateHealth, validateHosts} {
		if err := check(run); err != nil {
			return err
		}
	}
	return nil
}

func validateModes(run *vzcontract.RunConfig) error {
	switch run.Restart.Mode {
	case "", vzcontract.RestartNo, vzcontract.RestartAlways, vzcontract.RestartUnlessStopped, vzcontract.RestartOnFailure:
	default:
		return invalid("unknown restart policy %q", run.Restart.Mode)
	}
	if run.Restart.MaxRetries < 0 {
		return invalid("restart policy: the number of retries is negative")
	}
	switch run.Log.Driver {
	case "", "json-file", "local", "none":
	default:
		return invalid("unknown log driver %q: known are json-file, local and none", run.Log.Driver)
	}
	if run.Log.MaxSize < 0 || run.Log.MaxFiles < 0 {
		return invalid("log: sizes and numbers must not be negative")
	}
	switch run.Pull {
	case "", vzcontract.PullMissing, vzcontract.PullAlways, vzcontract.PullNever:
		return nil
	}
	return invalid("unknown pull policy %q", run.Pull)
}

func validateMounts(run *vzcontract.RunConfig) error {
	targets := map[string]bool{}
	for _, m := range run.Mounts {
		target := path.Clean(m.Target)
		switch {
		case !path.IsAbs(m.Target) || target == "/":
			return invalid("mount target %q: want an absolute path below /", m.Target)
		case targets[target]:
			return invalid("two mounts at %s", target)
		case strings.Contains("/"+m.Subpath+"/", "/../"):
			return invalid("subpath %q leads out of the volume", m.Subpath)
		case path.IsAbs(m.Subpath):
			return invalid("subpath %q is absolute", m.Subpath)
		case m.Subpath != "" && m.Type == vzcontract.MountTmpfs:
			return invalid("mount %s: a tmpfs has no subpath", target)
		case m.Propagation == "shared" || m.Propagation == "rshared":
			return vzcontract.Errorf(vzcontract.ErrUnsupported,
				"mount %s: propagation %s: the host does not see mounts that a container makes; rslave shows the host's in the container", target, m.Propagation)
		}
		targets[target] = true
		switch m.Type {
		case vzcontract.MountBind:
			if !path.IsAbs(m.Source) {
				return invalid("bind source %q is not absolute", m.Source)
			}
		case vzcontract.MountVolume:
			if m.Source != "" && !record.ValidName(m.Source) {
				return invalid("invalid volume name %q", m.Source)
			}
		case vzcontract.MountImage:
			if m.Source == "" {
				return invalid("mount %s: the image is missing", target)
			}
		case vzcontract.MountTmpfs:
		default:
			return invalid("unknown mount type %q", m.Type)
		}
	}
	return nil
}

func validatePorts(run *vzcontract.RunConfig) error {
	for _, p := range run.Ports {
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

func validateHealth(run *vzcontract.RunConfig) error {
	h := run.Health
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

func validateHosts(run *vzcontract.RunConfig) error {
	for _, h := range run.ExtraHosts {
		name, ip, ok := strings.Cut(h, ":")
		if ok && name != "" && ip == "host-gateway" {
			continue
		}
		if _, err := netip.ParseAddr(strings.Trim(ip, "[]")); !ok || name == "" || err != nil {
			return invalid("extra host %q: want NAME:ADDRESS or NAME:host-gateway", h)
		}
	}
	for _, s := range run.DNS.Servers {
		if _, err := netip.ParseAddr(s); err != nil {
			return invalid("name server %q is no address", s)
		}
	}
	return nil
}
