package cgroup

import (
	"errors"
	"fmt"

	"github.com/opencontainers/cgroups"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// Update changes the limits of a live group. Zero fields stay as they are.
func (g *Group) Update(r vzcontract.Resources) error {
	limits, err := ThisHost().Limits(r)
	if err != nil {
		return err
	}
	if r.MemorySwap == 0 && limits.Memory != nil {
		limits.Memory.Swap = nil // stays
	}
	res := resources(limits)
	err = g.manager.Set(res)
	switch {
	case err == nil:
		return nil
	case !g.Exists():
		return vzcontract.Errorf(vzcontract.ErrNotFound, "cgroup %s does not exist", g.path)
	case errors.Is(err, unix.EBUSY):
		return vzcontract.Errorf(vzcontract.ErrConflict, "the container uses more than the new limit now: %w", err)
	case errors.Is(err, unix.EINVAL) && r.Memory > 0 && r.MemorySwap == 0:
		return vzcontract.Errorf(vzcontract.ErrValidation, "the new memory limit is above the present limit of memory plus swap: set memory swap too")
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ERANGE), errors.Is(err, unix.ENODEV):
		return vzcontract.Errorf(vzcontract.ErrValidation, "the kernel refuses the limit: %w", err)
	}
	return fmt.Errorf("change limits: %w", err)
}

// resources turns a spec's resources into the managers' form.
func resources(l *specs.LinuxResources) *cgroups.Resources {
	r := &cgroups.Resources{SkipDevices: true}
	if c := l.CPU; c != nil {
		r.CpuShares = deref(c.Shares)
		r.CpuWeight = cgroups.ConvertCPUSharesToCgroupV2Value(r.CpuShares)
		r.CpuQuota, r.CpuPeriod = deref(c.Quota), deref(c.Period)
		r.CpuRtRuntime, r.CpuRtPeriod = deref(c.RealtimeRuntime), deref(c.RealtimePeriod)
		r.CpusetCpus, r.CpusetMems = c.Cpus, c.Mems
	}
	if m := l.Memory; m != nil {
		r.Memory, r.MemoryReservation, r.MemorySwap = deref(m.Limit), deref(m.Reservation), deref(m.Swap)
		r.MemorySwappiness, r.OomKillDisable = m.Swappiness, deref(m.DisableOOMKiller)
	}
	if p := l.Pids; p != nil {
		r.PidsLimit = p.Limit
	}
	if b := l.BlockIO; b != nil {
		r.BlkioWeight = deref(b.Weight)
		for _, d := range b.WeightDevice {
			r.BlkioWeightDevice = append(r.BlkioWeightDevice, cgroups.NewWeightDevice(d.Major, d.Minor, deref(d.Weight), 0))
		}
		r.BlkioThrottleReadBpsDevice = throttles(b.ThrottleReadBpsDevice)
		r.BlkioThrottleWriteBpsDevice = throttles(b.ThrottleWriteBpsDevice)
		r.BlkioThrottleReadIOPSDevice = throttles(b.ThrottleReadIOPSDevice)
		r.BlkioThrottleWriteIOPSDevice = throttles(b.ThrottleWriteIOPSDevice)
	}
	return r
}

func throttles(in []specs.LinuxThrottleDevice) []*cgroups.ThrottleDevice {
	var out []*cgroups.ThrottleDevice
	for _, d := range in {
		out = append(out, cgroups.NewThrottleDevice(d.Major, d.Minor, d.Rate))
	}
	return out
}

func deref[T any](p *T) T {
	var v T
	if p != nil {
		v = *p
	}
	return v
}
