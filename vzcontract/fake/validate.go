package fake

import (
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
	if err := cfg.Validate(); err != nil {
		return err
	}
	if err := cfg.CheckIsolation(vzcontract.IsolationNone); err != nil {
		return err
	}
	if cfg.Platform != "" && cfg.Platform != "linux/amd64" && cfg.Platform != "linux/arm64" {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "no image for the platform %s", cfg.Platform)
	}
	if _, ok := sim.SignalNumber(firstOf(cfg.StopSignal, "TERM")); !ok {
		return invalid("unknown stop signal %q", cfg.StopSignal)
	}
	if err := validateResources(cfg); err != nil {
		return err
	}
	return validateSecurity(cfg)
}

func validateResources(cfg *vzcontract.RunConfig) error {
	r := cfg.Resources
	if err := lacks.CheckDisk(r); err != nil {
		return err
	}
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
