package ocispec

import "vz.internal/vzcontract"

// oomScore sets how likely the kernel kills the workload for want of memory.
func (b *builder) oomScore() error {
	adj := b.cfg.Resources.OOMScoreAdj
	if adj == nil {
		return nil
	}
	if *adj < -1000 || *adj > 1000 {
		return invalid("oom score %d: give -1000 to 1000", *adj)
	}
	if *adj < b.host.oomScoreAdj && !b.host.rules("CAP_SYS_RESOURCE") {
		return vzcontract.Errorf(vzcontract.ErrDenied,
			"oom score %d is below vz's own, %d: lowering it needs CAP_SYS_RESOURCE, which vz does not have here", *adj, b.host.oomScoreAdj)
	}
	b.spec.Process.OOMScoreAdj = adj
	return nil
}
