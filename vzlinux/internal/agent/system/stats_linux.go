package system

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"vz.internal/vzlinux/agentproto"
)

// tick is the unit of /proc/stat.
const tick = time.Second / 100

// Stats reads the guest's own figures.
func Stats() (agentproto.Stats, error) {
	out := agentproto.Stats{Time: time.Now()}
	for _, part := range []struct {
		file  string
		parse func(string, *agentproto.Stats)
	}{
		{"/proc/stat", parseCPU},
		{"/proc/meminfo", parseMemory},
		{"/proc/loadavg", parseLoad},
		{"/proc/net/dev", parseNetworks},
		{"/proc/self/status", parseSelf},
	} {
		f, err := os.Open(part.file)
		if err != nil {
			return out, err
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			part.parse(lines.Text(), &out)
		}
		err = lines.Err()
		_ = f.Close()
		if err != nil {
			return out, fmt.Errorf("read %s: %w", part.file, err)
		}
	}
	return out, nil
}

func parseCPU(line string, out *agentproto.Stats) {
	words := strings.Fields(line)
	if len(words) < 9 || words[0] != "cpu" {
		return
	}
	n := func(i int) time.Duration { return time.Duration(number(words[i])) * tick }
	out.CPU = agentproto.CPUStats{User: n(1) + n(2), System: n(3) + n(6) + n(7), Idle: n(4), IOWait: n(5), Steal: n(8)}
}

func parseMemory(line string, out *agentproto.Stats) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return
	}
	bytes := number(words[1]) << 10
	switch words[0] {
	case "MemTotal:":
		out.Memory.Total = bytes
	case "MemFree:":
		out.Memory.Free = bytes
	case "MemAvailable:":
		out.Memory.Available = bytes
	case "Cached:":
		out.Memory.Cached = bytes
	}
}

func parseLoad(line string, out *agentproto.Stats) {
	words := strings.Fields(line)
	if len(words) < 4 {
		return
	}
	for i := range out.Load {
		out.Load[i], _ = strconv.ParseFloat(words[i], 64)
	}
	_, all, _ := strings.Cut(words[3], "/")
	out.Processes = int(number(all))
}

func parseNetworks(line string, out *agentproto.Stats) {
	name, figures, found := strings.Cut(strings.TrimSpace(line), ":")
	words := strings.Fields(figures)
	if !found || name == "lo" || len(words) < 10 {
		return
	}
	out.Networks = append(out.Networks, agentproto.InterfaceStats{
		Name: name, RxBytes: number(words[0]), RxPackets: number(words[1]), TxBytes: number(words[8]), TxPackets: number(words[9]),
	})
}

func parseSelf(line string, out *agentproto.Stats) {
	if words := strings.Fields(line); len(words) > 1 && words[0] == "VmRSS:" {
		out.Agent = number(words[1]) << 10
	}
}

func number(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 64)
	return n
}
