package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// supervisors names the process that each tool keeps for a running container.
var supervisors = map[string]string{"vz": "vz-monitor", "podman": "conmon", "docker": "containerd-shim"}

// memory measures the proportional set size of the supervisors, for each of
// count containers that run at once: they share their program's pages.
func (b *bench) memory(count int) ([]result, error) {
	var results []result
	for _, t := range b.tools {
		name, ok := supervisors[t.name()]
		if !ok {
			continue
		}
		before, err := pids(name)
		if err != nil {
			return nil, err
		}
		pss, err := supervised(t, name, before, count)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.name(), err)
		}
		pss /= float64(count)
		results = append(results, result{Case: fmt.Sprintf("memory-%d", count), Tool: t.name(), Unit: "MB", Median: pss, Min: pss, Max: pss, Runs: 1})
	}
	return results, nil
}

// supervised runs count containers and sums the memory of what keeps them,
// once they have settled.
func supervised(t tool, program string, before map[int]bool, count int) (pss float64, err error) {
	for i := range count {
		container := fmt.Sprintf("bench-memory-%d", i)
		if err := t.start(container); err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, t.remove(container)) }()
	}
	time.Sleep(2 * time.Second) // what a start needed is given back by then
	return newest(program, before)
}

// pids returns the processes whose name begins with name, of which the kernel
// keeps fifteen bytes, and that are the bench's: they are in its own network
// namespace, as others on the machine are not.
func pids(name string) (map[int]bool, error) {
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		return nil, err
	}
	found := map[int]bool{}
	for _, file := range files {
		comm, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(strings.TrimSpace(string(comm)), name) {
			continue // another one, or gone
		}
		if net, err := os.Readlink(filepath.Join(filepath.Dir(file), "ns/net")); err != nil || net != own {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		found[pid] = true
	}
	return found, nil
}

// newest sums the memory of the processes of the name that were not there
// before, in megabytes.
func newest(name string, before map[int]bool) (float64, error) {
	now, err := pids(name)
	if err != nil {
		return 0, err
	}
	total := 0.0
	for pid := range now {
		if before[pid] {
			continue
		}
		mb, err := pss(pid)
		if err != nil {
			return 0, err
		}
		total += mb
	}
	if total == 0 {
		return 0, fmt.Errorf("no process %s appeared", name)
	}
	return total, nil
}

// pss is the proportional set size of a process, in megabytes.
func pss(pid int) (float64, error) {
	name := fmt.Sprintf("/proc/%d/smaps_rollup", pid)
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "Pss:" {
			kb, err := strconv.ParseFloat(fields[1], 64)
			return kb / 1024, err
		}
	}
	return 0, fmt.Errorf("%s has no Pss", name)
}
