package cgroup

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzcontract"
)

func (h Host) blockIO(r vzcontract.Resources, out *specs.LinuxResources) error {
	b := new(specs.LinuxBlockIO)
	used, err := h.weights(r, b)
	if err != nil {
		return err
	}
	throttle := [4][]vzcontract.ThrottleDevice{r.ReadBps, r.WriteBps, r.ReadIOps, r.WriteIOps}
	outs := [4]*[]specs.LinuxThrottleDevice{
		&b.ThrottleReadBpsDevice, &b.ThrottleWriteBpsDevice, &b.ThrottleReadIOPSDevice, &b.ThrottleWriteIOPSDevice,
	}
	for i, list := range throttle {
		for _, d := range list {
			major, minor, err := h.Device(d.Path)
			if err != nil {
				return invalid("i/o limit of %s: %w", d.Path, err)
			}
			td := specs.LinuxThrottleDevice{Rate: d.Rate}
			td.Major, td.Minor = major, minor
			*outs[i] = append(*outs[i], td)
			used = true
		}
		if len(list) > 0 {
			if err := h.needThrottle(); err != nil {
				return err
			}
		}
	}
	if used {
		out.BlockIO = b
	}
	return nil
}

func (h Host) needThrottle() error {
	if h.Mode == V2 {
		return h.need("io", "i/o limit")
	}
	return h.needFile("blkio", "blkio.throttle.read_bps_device", "i/o limit")
}

func (h Host) weights(r vzcontract.Resources, b *specs.LinuxBlockIO) (used bool, err error) {
	if w := r.BlkioWeight; w != 0 {
		if w < 10 || w > 1000 {
			return false, invalid("blkio weight %d: give 10 to 1000", w)
		}
		b.Weight, used = &w, true
	}
	for _, d := range r.BlkioWeightDevice {
		if d.Rate < 10 || d.Rate > 1000 {
			return false, invalid("blkio weight %d of %s: give 10 to 1000", d.Rate, d.Path)
		}
		major, minor, err := h.Device(d.Path)
		if err != nil {
			return false, invalid("blkio weight of %s: %w", d.Path, err)
		}
		w := uint16(d.Rate)
		wd := specs.LinuxWeightDevice{Weight: &w}
		wd.Major, wd.Minor = major, minor
		b.WeightDevice, used = append(b.WeightDevice, wd), true
	}
	if !used {
		return false, nil
	}
	if h.Mode == V2 {
		if err := h.need("io", "blkio weight"); err != nil || h.HasFile("io", "io.bfq.weight") {
			return true, err
		}
		return true, h.needFile("io", "io.weight", "blkio weight")
	}
	if h.HasFile("blkio", "blkio.bfq.weight") {
		return true, nil
	}
	return true, h.needFile("blkio", "blkio.weight", "blkio weight")
}
