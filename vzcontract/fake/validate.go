package fake

import (
	"net/netip"
	"path"
	"slices"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/sim"
)

func invalid(format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, format, args...)
}

// validate refuses wrong settings before anything is made.
func validate(cfg *vzcontract.RunConfig) error {
	switch {
	case cfg.Name != "" && !namePattern().MatchString(cfg.Name):
		return invalid("invalid name %q: only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed", cfg.Name)
	case (cfg.Image == "") == (cfg.Rootfs == ""):
		return invalid("exactly one of image and root directory must be given")
	case cfg.Rootfs != "" && !path.IsAbs(cfg.Rootfs):
		return invalid("the root directory %q is not absolute", cfg.Rootfs)
	case cfg.WorkingDir != "" && !path.IsAbs(cfg.WorkingDir):
		return invalid("the working directory %q is not absolute", cfg.WorkingDir)
	case cfg.AutoRemove && cfg.Restart.Mode != "" && cfg.Restart.Mode != vzcontract.RestartNo:
		return invalid("a container cannot be removed when it stops and be restarted: choose one")
	case cfg.Platform != "" && cfg.Platform != "linux/amd64" && cfg.Platform != "linux/arm64":
		return vzcontract.Errorf(vzcontract.ErrNotFound, "no image for the platform %s", cfg.Platform)
	}
	for _, entry := range cfg.Env {
		if name, _, ok := strings.Cut(entry, "="); !ok || name == "" || strings.Contains(entry, "\x00") {
			return invalid("invalid environment entry %q: want NAME=value", entry)
		}
	}
	if _, ok := sim.SignalNumber(firstOf(cfg.StopSignal, "TERM")); !ok {
		return invalid("unknown stop signal %q", cfg.StopSignal)
	}
	switch cfg.Restart.Mode {
	case "", vzcontract.RestartNo, vzcontract.RestartAlways, vzcontract.RestartUnlessStopped, vzcontract.RestartOnFailure:
	default:
		return invalid("unknown restart policy %q", cfg.Restart.Mode)
	}
	switch cfg.Log.Driver {
	case "", "json-file", "local", "none":
	default:
		return invalid("unknown log driver %q: known are json-file, local and none", cfg.Log.Driver)
	}
	for _, check := range []func(*vzcontract.RunConfig) error{
		validateMounts, validatePorts, validateResources, validateSecurity, validateHealth,
	} {
		if err := check(cfg); err != nil {
			return err
		}
	}
	return nil
}

func validateMounts(cfg *vzcontract.RunConfig) error {
	targets := map[string]bool{}
	for _, m := range cfg.Mounts {
		target := path.Clean(m.Target)
		switch {
		case !path.IsAbs(m.Target) || target == "/":
			return invalid("mount target %q: want an absolute path below /", m.Target)
		case targets[target]:
			return invalid("two mounts at %s", target)
		case strings.Contains("/"+m.Subpath+"/", "/../"):
			return invalid("subpath %q leads out of the volume", m.Subpath)
		}
		targets[target] = true
		switch m.Type {
		case vzcontract.MountBind:
			if !path.IsAbs(m.Source) {
				return invalid("bind source %q is not absolute", m.Source)
			}
		case vzcontract.MountVolume:
			if m.Source != "" && !namePattern().MatchString(m.Source) {
				return invalid("invalid volume name %q", m.Source)
			}
		case vzcontract.MountTmpfs, vzcontract.MountImage:
		default:
			return invalid("unknown mount type %q", m.Type)
		}
	}
	return nil
}

func validatePorts(cfg *vzcontract.RunConfig) error {
	for _, p := range cfg.Ports {
		if p.HostIP != "" {
			if _, err := netip.ParseAddr(p.HostIP); err != nil {
				return invalid("port: invalid address %q", p.HostIP)
			}
		}
		switch {
		case p.Protocol != "tcp" && p.Protocol != "udp":
			return invalid("port: unknown protocol %q: want tcp or udp", p.Protocol)
		case p.ContainerPort == 0:
			return invalid("port: the container's port is missing")
		case p.ContainerPortEnd != 0 && p.ContainerPortEnd < p.ContainerPort,
			p.HostPortEnd != 0 && p.HostPortEnd < p.HostPort:
			return invalid("port: a range must rise")
		case p.HostPort != 0 && p.ContainerPortEnd != 0 &&
			int(max(p.HostPortEnd, p.HostPort))-int(p.HostPort) != int(p.ContainerPortEnd)-int(p.ContainerPort):
			return invalid("port: both ranges must have the same length")
		}
	}
	return nil
}

func validateResources(cfg *vzcontract.RunConfig) error {
	r := cfg.Resources
	switch {
	case r.Memory < 0, r.Memory > 0 && r.Memory < 6<<20:
		return invalid("memory limit %d: the least is 6 MiB", r.Memory)
	case r.MemorySwap > 0 && r.MemorySwap < r.Memory:
		return invalid("memory and swap together (%d) must not be below memory (%d)", r.MemorySwap, r.Memory)
	case r.MemoryReservation > 0 && r.Memory > 0 && r.MemoryReservation > r.Memory:
		return invalid("the memory reservation is above the limit")
	case r.NanoCPUs < 0:
		return invalid("cpus must not be negative")
	case r.NanoCPUs > 0 && (r.CPUQuota != 0 || r.CPUPeriod != 0):
		return invalid("cpus excludes quota and period")
	case r.BlkioWeight != 0 && (r.BlkioWeight < 10 || r.BlkioWeight > 1000):
		return invalid("blkio weight %d: want 10 to 1000", r.BlkioWeight)
	case r.OOMScoreAdj != nil && (*r.OOMScoreAdj < -1000 || *r.OOMScoreAdj > 1000):
		return invalid("oom score %d: want -1000 to 1000", *r.OOMScoreAdj)
	case cfg.ShmSize < 0:
		return invalid("shm size must not be negative")
	}
	for _, u := range cfg.Ulimits {
		if !slices.Contains(ulimits, u.Name) {
			return invalid("unknown ulimit %q", u.Name)
		}
		if u.Hard >= 0 && (u.Soft > u.Hard || u.Soft < 0) {
			return invalid("ulimit %s: soft limit above hard", u.Name)
		}
	}
	return nil
}

var ulimits = []string{
	"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile",
	"nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
}

func validateSecurity(cfg *vzcontract.RunConfig) error {
	for _, name := range slices.Concat(cfg.Security.CapAdd, cfg.Security.CapDrop) {
		name = strings.TrimPrefix(strings.ToUpper(name), "CAP_")
		if name != "ALL" && !slices.Contains(capabilities, name) {
			return invalid("unknown capability %q", name)
		}
	}
	for name := range cfg.Sysctls {
		if !strings.HasPrefix(name, "net.") && !strings.HasPrefix(name, "kernel.") && !strings.HasPrefix(name, "fs.mqueue.") {
			return invalid("sysctl %s does not belong to a namespace of the container", name)
		}
	}
	return nil
}

var capabilities = strings.Fields(`AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN
DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD
NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT
SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM`)

func validateHealth(cfg *vzcontract.RunConfig) error {
	h := cfg.Health
	if h == nil || len(h.Test) == 0 {
		return nil
	}
	switch {
	case h.Test[0] != "NONE" && h.Test[0] != "CMD" && h.Test[0] != "CMD-SHELL":
		return invalid("health check %q: want NONE, CMD or CMD-SHELL first", h.Test[0])
	case h.Test[0] != "NONE" && len(h.Test) < 2:
		return invalid("health check: the command is missing")
	case h.Interval < 0 || h.Timeout < 0 || h.StartPeriod < 0 || h.Retries < 0:
		return invalid("health check: times and retries must not be negative")
	}
	return nil
}
