package cgroup

import (
	"math"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzcontract"
)

// defaultPeriod is the kernel's, in µs.
const defaultPeriod = 100_000

func (h Host) cpu(r vzcontract.Resources, out *specs.LinuxResources) error {
	c := new(specs.LinuxCPU)
	if err := h.bandwidth(r, c); err != nil {
		return err
	}
	if r.CPUShares != 0 {
		if err := h.need("cpu", "cpu shares"); err != nil {
			return err
		}
		if r.CPUShares < 2 || r.CPUShares > 262144 {
			return invalid("cpu shares %d: give 2 to 262144", r.CPUShares)
		}
		c.Shares = &r.CPUShares
	}
	if r.CPURealtimePeriod != 0 || r.CPURealtimeRuntime != 0 {
		if err := h.needFile("cpu", "cpu.rt_runtime_us", "cpu realtime limit"); err != nil {
			return err
		}
		c.RealtimePeriod, c.RealtimeRuntime = nonZero(r.CPURealtimePeriod), nonZero(r.CPURealtimeRuntime)
	}
	if err := h.checkSet("cpus", r.CpusetCPUs); err != nil {
		return err
	}
	if err := h.checkSet("mems", r.CpusetMems); err != nil {
		return err
	}
	c.Cpus, c.Mems = r.CpusetCPUs, r.CpusetMems
	if *c != (specs.LinuxCPU{}) {
		out.CPU = c
	}
	return nil
}

// bandwidth sets quota and period.
func (h Host) bandwidth(r vzcontract.Resources, c *specs.LinuxCPU) error {
	period, quota := r.CPUPeriod, r.CPUQuota
	if period != 0 && (period < 1000 || period > 1_000_000) {
		return invalid("cpu period %d µs: give 1000 to 1000000", period)
	}
	if quota != 0 && quota != -1 && quota < 1000 {
		return invalid("cpu quota %d µs: give at least 1000, or -1 for no limit", quota)
	}
	if r.NanoCPUs != 0 {
		switch {
		case period != 0 || quota != 0:
			return invalid("cpus and cpu period or quota exclude each other")
		case r.NanoCPUs < 10_000_000:
			return invalid("cpus %g: give at least 0.01", float64(r.NanoCPUs)/1e9)
		case r.NanoCPUs > math.MaxInt64/defaultPeriod:
			return invalid("cpus %g: too many", float64(r.NanoCPUs)/1e9)
		}
		if have, ok := parseSet(h.Available("cpus")); ok && r.NanoCPUs > int64(len(have))*1e9 {
			return invalid("cpus %g: this host has %d; give 0.01 to %d", float64(r.NanoCPUs)/1e9, len(have), len(have))
		}
		period, quota = defaultPeriod, r.NanoCPUs*defaultPeriod/1e9
	}
	if period == 0 && quota == 0 {
		return nil
	}
	c.Period, c.Quota = nonZero(period), nonZero(quota)
	if h.Mode == V2 {
		return h.need("cpu", "cpu limit")
	}
	return h.needFile("cpu", "cpu.cfs_quota_us", "cpu limit")
}

// nonZero returns a pointer to v, nil for zero.
func nonZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
