package usage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// hertz is the unit of times in /proc, the same on all systems that Go knows.
const hertz = 100

// Top describes the processes pids, that called initPID first and the others
// in ascending order. Those that have ended meanwhile are left out; kernel
// threads and zombies have their short name as only argument.
func Top(pids []int, initPID int) ([]vzcontract.Process, error) {
	pids = slices.Clone(pids)
	slices.SortFunc(pids, func(a, b int) int {
		if a == initPID || b == initPID {
			return boolOrder(a == initPID, b == initPID)
		}
		return a - b
	})
	names := map[uint32]string{}
	list := make([]vzcontract.Process, 0, len(pids))
	for _, pid := range slices.Compact(pids) {
		p, err := describe(pid, names)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look at process %d: %w", pid, err)
		}
		list = append(list, p)
	}
	return list, nil
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func describe(pid int, names map[uint32]string) (vzcontract.Process, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	p := vzcontract.Process{PID: pid}
	b, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return p, err
	}
	short, err := parseStat(string(b), &p)
	if err != nil {
		return p, err
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return p, err
	}
	p.UID = st.Uid
	// The directory is root's for a process that may not be dumped.
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return p, err
	}
	if uid, ok := effectiveUID(string(status)); ok {
		p.UID = uid
	}
	if _, ok := names[p.UID]; !ok {
		names[p.UID] = strconv.FormatUint(uint64(p.UID), 10)
		if u, err := user.LookupId(names[p.UID]); err == nil {
			names[p.UID] = u.Username
		}
	}
	p.User = names[p.UID]
	args, err := os.ReadFile(dir + "/cmdline")
	if err != nil {
		return p, err
	}
	if len(args) == 0 {
		p.Args = []string{"[" + short + "]"}
		return p, nil
	}
	p.Args = strings.Split(string(bytes.TrimSuffix(args, []byte{0})), "\x00")
	return p, nil
}

// effectiveUID finds "Uid:\treal\teffective\t…".
func effectiveUID(status string) (uint32, bool) {
	for line := range strings.Lines(status) {
		if ids, ok := strings.CutPrefix(line, "Uid:"); ok {
			fields := strings.Fields(ids)
			if len(fields) < 2 {
				return 0, false
			}
			uid, err := strconv.ParseUint(fields[1], 10, 32)
			return uint32(uid), err == nil
		}
	}
	return 0, false
}

// parseStat reads /proc/PID/stat into p and returns the short name. That is in
// parentheses and may hold anything, also parentheses.
func parseStat(text string, p *vzcontract.Process) (short string, err error) {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return "", fmt.Errorf("unknown format %.80q", text)
	}
	// state ppid pgrp session tty_nr … utime(11) stime … starttime(19)
	fields := strings.Fields(text[end+1:])
	if len(fields) < 20 {
		return "", fmt.Errorf("unknown format %.80q", text)
	}
	var n [20]int64
	for i := 1; i < len(n); i++ {
		if n[i], err = strconv.ParseInt(fields[i], 10, 64); err != nil && i != 18 {
			return "", fmt.Errorf("unknown format: %w", err)
		}
	}
	p.PPID, p.TTY = int(n[1]), terminal(n[4])
	p.CPUTime = time.Duration(n[11]+n[12]) * (time.Second / hertz)
	p.Started = bootTime().Add(time.Duration(n[19]) * (time.Second / hertz))
	return text[open+1 : end], nil
}

// terminal names a controlling terminal by its device number.
func terminal(number int64) string {
	dev := uint64(number) //nolint:gosec // not negative
	// The old way of writing a device number in 32 bits.
	major, minor := dev>>8&0xfff, dev&0xff|dev>>12&0xfff00
	switch {
	case dev == 0:
		return "?"
	case major >= 136 && major <= 143:
		return fmt.Sprintf("pts/%d", (major-136)<<20|minor)
	case major == 4 && minor < 64:
		return fmt.Sprintf("tty%d", minor)
	case major == 4:
		return fmt.Sprintf("ttyS%d", minor-64)
	}
	return fmt.Sprintf("%d:%d", major, minor)
}

// bootTime is when the clock of start times began.
var bootTime = sync.OnceValue(func() time.Time {
	var since unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &since); err != nil {
		return time.Time{}
	}
	return time.Now().Add(-time.Duration(since.Nano()))
})
