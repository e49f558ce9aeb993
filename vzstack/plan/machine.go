package plan

import (
	"runtime"

	"vz.internal/vzcontract"
)

// A SharedVM is the one machine that all containers of a project live in.
type SharedVM struct {
	Name string
	// Limits are the sizes that were asked for; zero ones follow from the services.
	Limits vzcontract.Resources
}

// What a service without limits counts for.
const (
	unlimitedMemory = 256 << 20
	unlimitedCPUs   = 4 // for all of them together, at most
	leastCPUs       = 2
)

// MachineLimits are what the project's shared machine must have for all replicas.
func (d *Desired) MachineLimits() vzcontract.Resources {
	var sum vzcontract.Resources
	unlimited := int64(0)
	for _, s := range d.Services {
		n, r := int64(max(s.Replicas, 1)), s.Run.Resources // one even if it is only for single commands
		if r.Memory > 0 {
			sum.Memory += n * r.Memory
		} else {
			sum.Memory += n * unlimitedMemory
		}
		if r.NanoCPUs == 0 {
			unlimited += n
		}
		sum.NanoCPUs += n * r.NanoCPUs
	}
	sum.NanoCPUs = max(sum.NanoCPUs, min(unlimited, unlimitedCPUs)*1e9, leastCPUs*1e9)
	sum.NanoCPUs = min(sum.NanoCPUs, int64(max(runtime.NumCPU(), leastCPUs))*1e9)
	if asked := d.SharedVM.Limits; asked.Memory > 0 {
		sum.Memory = asked.Memory
	}
	if asked := d.SharedVM.Limits; asked.NanoCPUs > 0 {
		sum.NanoCPUs = asked.NanoCPUs
	}
	return sum
}
