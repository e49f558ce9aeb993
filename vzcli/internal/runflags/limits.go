package runflags

import (
	"path"
	"strconv"
	"strings"

	"github.com/docker/go-units"

	"vz.internal/vzcontract"
)

// Resources turns the flags into limits; update uses it too.
func (f *LimitFlags) Resources() (r vzcontract.Resources, err error) {
	for _, set := range []struct {
		flag, value string
		to          *int64
		parse       func(flag, s string) (int64, error)
	}{
		{"memory", f.Memory, &r.Memory, size},
		{"memory-reservation", f.MemoryReservation, &r.MemoryReservation, size},
		{"memory-swap", f.MemorySwap, &r.MemorySwap, sizeOrUnlimited},
		{"cpus", f.CPUs, &r.NanoCPUs, nanoCPUs},
	} {
		if *set.to, err = set.parse(set.flag, set.value); err != nil {
			return r, err
		}
	}
	if err := f.check(&r); err != nil {
		return r, err
	}
	r.CPUShares, r.CPUPeriod, r.CPUQuota = uint64(f.CPUShares), uint64(f.CPUPeriod), f.CPUQuota
	r.CPURealtimePeriod, r.CPURealtimeRuntime = uint64(f.CPURtPeriod), f.CPURtRuntime
	r.CpusetCPUs, r.CpusetMems = f.CpusetCPUs, f.CpusetMems
	r.BlkioWeight, r.OOMKillDisable, r.OOMScoreAdj = f.BlkioWeight, f.OOMKillDisable, f.OOMScoreAdj
	for _, set := range []struct {
		flag   string
		values []string
		to     *[]vzcontract.ThrottleDevice
		parse  func(flag, s string) (vzcontract.ThrottleDevice, error)
	}{
		{"blkio-weight-device", f.BlkioWeightDevice, &r.BlkioWeightDevice, weightDevice},
		{"device-read-bps", f.DeviceReadBps, &r.ReadBps, byteRate},
		{"device-write-bps", f.DeviceWriteBps, &r.WriteBps, byteRate},
		{"device-read-iops", f.DeviceReadIOps, &r.ReadIOps, countRate},
		{"device-write-iops", f.DeviceWriteIOps, &r.WriteIOps, countRate},
	} {
		if *set.to, err = each(set.flag, set.values, set.parse); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (f *LimitFlags) check(r *vzcontract.Resources) error {
	for _, n := range []struct {
		flag  string
		value int64
	}{
		{"cpu-shares", f.CPUShares}, {"cpu-period", f.CPUPeriod}, {"cpu-rt-period", f.CPURtPeriod},
	} {
		if n.value < 0 {
			return bad(n.flag, strconv.FormatInt(n.value, 10), "want a number from 0 up")
		}
	}
	if s := f.MemorySwappiness; s != nil && *s != -1 {
		if *s < 0 || *s > 100 {
			return bad("memory-swappiness", strconv.FormatInt(*s, 10), "want 0 to 100")
		}
		n := uint64(*s)
		r.MemorySwappiness = &n
	}
	if p := f.PidsLimit; p != nil {
		if *p < -1 {
			return bad("pids-limit", strconv.FormatInt(*p, 10), "want a number from 0 up, or -1 for no limit")
		}
		r.PidsLimit = *p
	}
	if w := f.BlkioWeight; w != 0 && (w < 10 || w > 1000) {
		return bad("blkio-weight", strconv.Itoa(int(w)), "want 10 to 1000, or 0")
	}
	if a := f.OOMScoreAdj; a != nil && (*a < -1000 || *a > 1000) {
		return bad("oom-score-adj", strconv.Itoa(*a), "want -1000 to 1000")
	}
	if r.NanoCPUs > 0 && (f.CPUQuota > 0 || f.CPUPeriod > 0) {
		return bad("cpus", f.CPUs, "cannot be combined with --cpu-quota or --cpu-period")
	}
	if r.MemorySwap > 0 && r.Memory == 0 {
		return bad("memory-swap", f.MemorySwap, "needs --memory too")
	}
	if r.MemorySwap > 0 && r.MemorySwap < r.Memory {
		return bad("memory-swap", f.MemorySwap, "is memory plus swap, so it must be at least --memory %s", f.Memory)
	}
	if r.Memory > 0 && r.MemoryReservation > r.Memory {
		return bad("memory-reservation", f.MemoryReservation, "must not be above --memory %s", f.Memory)
	}
	return nil
}

func throttle(flag, s, want string, rate func(string) (uint64, error)) (vzcontract.ThrottleDevice, error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || !path.IsAbs(s[:i]) {
		return vzcontract.ThrottleDevice{}, bad(flag, s, "want /dev/NAME:%s", want)
	}
	n, err := rate(s[i+1:])
	if err != nil {
		return vzcontract.ThrottleDevice{}, bad(flag, s, "want /dev/NAME:%s", want)
	}
	return vzcontract.ThrottleDevice{Path: s[:i], Rate: n}, nil
}

func weightDevice(flag, s string) (vzcontract.ThrottleDevice, error) {
	t, err := throttle(flag, s, "WEIGHT", number)
	if err == nil && t.Rate != 0 && (t.Rate < 10 || t.Rate > 1000) {
		err = bad(flag, s, "want a weight from 10 to 1000, or 0")
	}
	return t, err
}

func byteRate(flag, s string) (vzcontract.ThrottleDevice, error) {
	return throttle(flag, s, "RATE, a rate such as 10mb", func(s string) (uint64, error) {
		n, err := units.RAMInBytes(s)
		if n < 0 {
			err = strconv.ErrRange
		}
		return uint64(n), err
	})
}

func countRate(flag, s string) (vzcontract.ThrottleDevice, error) {
	return throttle(flag, s, "RATE, a number a second", number)
}

func number(s string) (uint64, error) { return strconv.ParseUint(s, 10, 64) }

// ResourcesUpdate is Resources for a container that has limits already, so
// that bounds between two limits are left to the backend.
func (f *LimitFlags) ResourcesUpdate() (vzcontract.Resources, error) {
	swap := f.MemorySwap
	alone := *f
	if f.Memory == "" {
		alone.MemorySwap = ""
	}
	r, err := alone.Resources()
	if err == nil && f.Memory == "" {
		r.MemorySwap, err = sizeOrUnlimited("memory-swap", swap)
	}
	return r, err
}
