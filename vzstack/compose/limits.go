package compose

import (
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"vz.internal/vzcontract"
)

// limits are processor, memory, tasks and block I/O.
func (t *translator) limits(p problems, s types.ServiceConfig, run *vzcontract.RunConfig) {
	r := &run.Resources
	r.NanoCPUs = nanoCPUs(s.CPUS)
	r.CPUShares, r.CPUPeriod, r.CPUQuota = uint64(s.CPUShares), uint64(s.CPUPeriod), s.CPUQuota
	r.CPURealtimePeriod, r.CPURealtimeRuntime = uint64(s.CPURTPeriod), s.CPURTRuntime
	r.CpusetCPUs = s.CPUSet
	r.Memory, r.MemoryReservation, r.MemorySwap = int64(s.MemLimit), int64(s.MemReservation), int64(s.MemSwapLimit)
	if s.MemSwappiness != 0 {
		n := uint64(s.MemSwappiness)
		r.MemorySwappiness = &n
	}
	r.OOMKillDisable = s.OomKillDisable
	if s.OomScoreAdj != 0 {
		n := int(s.OomScoreAdj)
		r.OOMScoreAdj = &n
	}
	r.PidsLimit = s.PidsLimit
	run.ShmSize = int64(s.ShmSize)
	t.deployed(p, s, r)
	t.block(s.BlkioConfig, r)
	for _, name := range slices.Sorted(maps.Keys(s.Ulimits)) {
		u := s.Ulimits[name]
		limit := vzcontract.Ulimit{Name: name, Soft: int64(u.Soft), Hard: int64(u.Hard)}
		if u.Single != 0 {
			limit.Soft, limit.Hard = int64(u.Single), int64(u.Single)
		}
		run.Ulimits = append(run.Ulimits, limit)
	}
}

// nanoCPUs rounds what a float of 32 bits holds to a thousandth of a processor.
func nanoCPUs(cpus float32) int64 { return int64(float64(cpus)*1000+0.5) * 1e6 }

// deployed applies deploy.resources, which wins over the older keys.
func (t *translator) deployed(p problems, s types.ServiceConfig, r *vzcontract.Resources) {
	if s.Deploy == nil {
		return
	}
	switch s.Deploy.Mode {
	case "", "replicated", "global":
	default:
		p.add("deploy.mode", "%s: jobs of a swarm do not exist here; known are replicated and global", s.Deploy.Mode)
	}
	if l := s.Deploy.Resources.Limits; l != nil {
		if l.NanoCPUs != 0 {
			r.NanoCPUs = nanoCPUs(float32(l.NanoCPUs))
		}
		if l.MemoryBytes != 0 {
			r.Memory = int64(l.MemoryBytes)
		}
		if l.Pids != 0 {
			r.PidsLimit = l.Pids
		}
	}
	if res := s.Deploy.Resources.Reservations; res != nil && res.MemoryBytes != 0 {
		r.MemoryReservation = int64(res.MemoryBytes)
	}
}

func (t *translator) block(b *types.BlkioConfig, r *vzcontract.Resources) {
	if b == nil {
		return
	}
	r.BlkioWeight = b.Weight
	for _, w := range b.WeightDevice {
		r.BlkioWeightDevice = append(r.BlkioWeightDevice, vzcontract.ThrottleDevice{Path: w.Path, Rate: uint64(w.Weight)})
	}
	rates := func(from []types.ThrottleDevice) (to []vzcontract.ThrottleDevice) {
		for _, d := range from {
			to = append(to, vzcontract.ThrottleDevice{Path: d.Path, Rate: uint64(d.Rate)})
		}
		return to
	}
	r.ReadBps, r.WriteBps = rates(b.DeviceReadBps), rates(b.DeviceWriteBps)
	r.ReadIOps, r.WriteIOps = rates(b.DeviceReadIOps), rates(b.DeviceWriteIOps)
}
