package system

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"vz.internal/vzcli/internal/box/applet"
)

// ticks are what the kernel counts CPU time in, on all systems of today.
const ticks = 100

// ps lists all processes. Options of other systems' ps are taken and ignored.
func ps(std *applet.IO, _ []string) int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return std.Fail(err)
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	fmt.Fprintf(std.Out, "%5s %-8s %5s %-4s %7s %s\n", "PID", "USER", "PPID", "STAT", "TIME", "COMMAND")
	for _, pid := range pids {
		if p, ok := read(pid); ok { // else it has ended
			fmt.Fprintf(std.Out, "%5d %-8s %5d %-4s %4d:%02d %s\n", pid, p.user, p.parent, p.state, int(p.cpu.Minutes()), int(p.cpu.Seconds())%60, p.command)
		}
	}
	return 0
}

// process is a line of ps.
type process struct {
	user, state, command string
	parent               int
	cpu                  time.Duration
}

func read(pid int) (p process, ok bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return p, false
	}
	open, shut := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || shut < open {
		return p, false
	}
	fields := strings.Fields(string(stat[shut+1:]))
	if len(fields) < 13 {
		return p, false
	}
	p.state = fields[0]
	p.parent, _ = strconv.Atoi(fields[1])             // from the kernel
	user, _ := strconv.ParseInt(fields[11], 10, 64)   // from the kernel
	system, _ := strconv.ParseInt(fields[12], 10, 64) // from the kernel
	p.cpu = time.Duration(user+system) * time.Second / ticks
	p.command = "[" + string(stat[open+1:shut]) + "]"
	if line, err := os.ReadFile(dir + "/cmdline"); err == nil && len(line) > 0 {
		p.command = strings.ToValidUTF8(string(bytes.ReplaceAll(bytes.TrimRight(line, "\x00"), []byte{0}, []byte{' '})), "?")
	}
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return p, false
	}
	for line := range strings.SplitSeq(string(status), "\n") {
		if ids, found := strings.CutPrefix(line, "Uid:"); found {
			uid, _ := strconv.Atoi(strings.Fields(ids)[1]) // from the kernel
			p.user = userName(uid)
		}
	}
	return p, true
}
