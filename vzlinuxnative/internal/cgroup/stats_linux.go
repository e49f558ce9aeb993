package cgroup

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/cgroups"

	"vz.internal/vzcontract"
)

// Stats returns one sample. Network is not filled in. Memory leaves out what
// docker leaves out, the page cache that can go at once; a limit above the
// host's memory is the host's memory, and none for pids is 0.
func (g *Group) Stats() (vzcontract.Stats, error) {
	if g.path == "" {
		return vzcontract.Stats{}, errNone()
	}
	raw, err := g.manager.Stats(&cgroups.StatsOptions{
		Controllers: cgroups.CPU | cgroups.Memory | cgroups.Pids | cgroups.IO,
	})
	if err != nil {
		if !g.Exists() {
			err = vzcontract.Errorf(vzcontract.ErrNotFound, "cgroup %s does not exist", g.path)
		}
		return vzcontract.Stats{}, fmt.Errorf("measure: %w", err)
	}
	s := vzcontract.Stats{
		Time:        time.Now(),
		CPU:         time.Duration(raw.CpuStats.CpuUsage.TotalUsage),
		CPUUser:     time.Duration(raw.CpuStats.CpuUsage.UsageInUsermode),
		CPUSystem:   time.Duration(raw.CpuStats.CpuUsage.UsageInKernelmode),
		Throttled:   time.Duration(raw.CpuStats.ThrottlingData.ThrottledTime),
		OnlineCPUs:  runtime.NumCPU(),
		Memory:      usedMemory(raw.MemoryStats),
		MemoryCache: raw.MemoryStats.Cache,
		MemoryLimit: raw.MemoryStats.Usage.Limit,
		PIDs:        raw.PidsStats.Current,
		PIDsLimit:   raw.PidsStats.Limit,
	}
	if total := hostMemory(); s.MemoryLimit == 0 || total != 0 && s.MemoryLimit > total {
		s.MemoryLimit = total
	}
	s.BlockRead, s.BlockWrite = blockBytes(raw.BlkioStats)
	if n, err := g.OOMKills(); err == nil {
		s.OOMKills = n
	}
	return s, nil
}

// usedMemory is the use without the inactive file pages.
func usedMemory(m cgroups.MemoryStats) uint64 {
	inactive, v1 := m.Stats["total_inactive_file"]
	if !v1 {
		inactive = m.Stats["inactive_file"]
	}
	if inactive > m.Usage.Usage {
		return m.Usage.Usage
	}
	return m.Usage.Usage - inactive
}

func blockBytes(b cgroups.BlkioStats) (read, write uint64) {
	for _, e := range b.IoServiceBytesRecursive {
		switch strings.ToLower(e.Op) {
		case "read":
			read += e.Value
		case "write":
			write += e.Value
		}
	}
	return read, write
}

// hostMemory is the host's memory in bytes, 0 if it cannot be read.
var hostMemory = sync.OnceValue(func() uint64 {
	b, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")), 10, 54)
			if err == nil {
				return kib << 10
			}
		}
	}
	return 0
})
