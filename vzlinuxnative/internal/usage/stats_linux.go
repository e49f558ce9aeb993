// Package usage measures running containers and lists their processes, from
// the host's side and without running anything.
package usage

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
)

// Stats returns a sample of the container in group g with the network counters
// that its process pid sees; pid 0 leaves those out, as for a container on the
// host's network.
// A group that does not exist is vzcontract.ErrNotFound.
func Stats(g *cgroup.Group, pid int) (vzcontract.Stats, error) {
	if g.Path() != "" && !g.Exists() {
		return vzcontract.Stats{}, vzcontract.Errorf(vzcontract.ErrNotFound, "measure: cgroup %s does not exist", g.Path())
	}
	s, err := g.Stats()
	if err != nil || pid == 0 {
		return s, err
	}
	s.Network, err = Network(pid)
	return s, err
}

// Network returns the counters of the interfaces, but the loopback one, in the
// network namespace of the process pid.
func Network(pid int) ([]vzcontract.NetStats, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/dev", pid))
	if err != nil {
		return nil, fmt.Errorf("read network counters: %w", err)
	}
	var all []vzcontract.NetStats
	for line := range strings.Lines(string(b)) {
		// "name: bytes packets errs drop fifo frame compressed multicast bytes …"
		name, counters, ok := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		fields := strings.Fields(counters)
		if !ok || len(fields) < 16 || name == "lo" {
			continue // the heading
		}
		n := make([]uint64, len(fields))
		for i, field := range fields {
			if n[i], err = strconv.ParseUint(field, 10, 64); err != nil {
				return nil, fmt.Errorf("read network counters of %s: %w", name, err)
			}
		}
		all = append(all, vzcontract.NetStats{
			Interface: name, RxBytes: n[0], RxPackets: n[1], RxErrors: n[2], RxDropped: n[3],
			TxBytes: n[8], TxPackets: n[9], TxErrors: n[10], TxDropped: n[11],
		})
	}
	return all, nil
}
