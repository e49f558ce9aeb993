package ocispec

import (
	"path"
	"slices"
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
func (b *builder) paths() error {
	if b.privileged() {
		return nil
	}
	masked := slices.Concat(maskedPaths, b.host.throttlePath())
	readonly := slices.Clone(readonlyPaths)
	for _, p := range b.cfg.Security.UnmaskPaths {
		if p == "ALL" || p == "all" {
			return nil
		}
		if !path.IsAbs(p) {
			return invalid("unmask %q: give ALL or absolute paths", p)
		}
		if _, err := path.Match(p, "/"); err != nil {
			return invalid("unmask %q: %w", p, err)
		}
		open := func(m string) bool { ok, _ := path.Match(p, m); return ok }
		masked = slices.DeleteFunc(masked, open)
		readonly = slices.DeleteFunc(readonly, open)
	}
	b.spec.Linux.MaskedPaths, b.spec.Linux.ReadonlyPaths = masked, readonly
	return nil
}
