package system

import (
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinux/agentproto"
)

// Info describes the guest.
func Info(version string) (agentproto.SystemInfo, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return agentproto.SystemInfo{}, err
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return agentproto.SystemInfo{}, err
	}
	return agentproto.SystemInfo{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Version: version,
		Kernel: unix.ByteSliceToString(name.Release[:]), Hostname: unix.ByteSliceToString(name.Nodename[:]),
		BootID: BootID(), Machine: line("/etc/machine-id"),
		CPUs: runtime.NumCPU(), Memory: uint64(info.Totalram) * uint64(info.Unit),
		Uptime: uptime(), Now: time.Now(),
	}, nil
}

// BootID differs after each start of the guest. The kernel makes it when it is first
// read, so a guest from which others are restored must not be asked for it before.
func BootID() string { return line("/proc/sys/kernel/random/boot_id") }

func uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

func line(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
