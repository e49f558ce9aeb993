package ocispec

import (
	"path"
	"slices"

	"vz.internal/vzcontract"
)

var (
	maskedPaths = []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
		"/sys/devices/virtual/powercap",
	}
	readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

// paths sets what of /proc and /sys is hidden or read-only.
func (b *builder) paths() (err error) {
	b.spec.Linux.MaskedPaths, b.spec.Linux.ReadonlyPaths, err = closedPaths(b.cfg.Security, b.host.throttlePath)
	return err
}

// Paths returns what of /proc and /sys is hidden from a container on this host, and what
// is read-only.
func Paths(sec vzcontract.SecurityConfig) (masked, readonly []string, err error) {
	return closedPaths(sec, throttlePaths)
}

func closedPaths(sec vzcontract.SecurityConfig, throttle func() []string) (masked, readonly []string, err error) {
	if sec.Privileged {
		return nil, nil, nil
	}
	masked = slices.Concat(maskedPaths, throttle())
	readonly = slices.Clone(readonlyPaths)
	for _, p := range sec.UnmaskPaths {
		if p == "ALL" || p == "all" {
			return nil, nil, nil
		}
		if !path.IsAbs(p) {
			return nil, nil, invalid("unmask %q: give ALL or absolute paths", p)
		}
		if _, err := path.Match(p, "/"); err != nil {
			return nil, nil, invalid("unmask %q: %w", p, err)
		}
		open := func(m string) bool { ok, _ := path.Match(p, m); return ok }
		masked = slices.DeleteFunc(masked, open)
		readonly = slices.DeleteFunc(readonly, open)
	}
	return masked, readonly, nil
}
