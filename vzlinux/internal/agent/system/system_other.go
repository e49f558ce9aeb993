//go:build !linux

package system

import (
	"context"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

func unsupported(what string) error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s in a guest with %s", what, runtime.GOOS)
}

// Info describes the guest.
func Info(version string) (agentproto.SystemInfo, error) {
	name, err := os.Hostname()
	return agentproto.SystemInfo{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Version: version, Hostname: name,
		BootID: BootID(), CPUs: runtime.NumCPU(), Now: time.Now(),
	}, err
}

var started = time.Now()

// BootID differs after each start of the guest.
func BootID() string { return started.Format(time.RFC3339Nano) }

// Stats is not done outside of Linux.
func Stats() (agentproto.Stats, error) { return agentproto.Stats{}, unsupported("statistics") }

// SetClock sets the guest's clock.
func SetClock(now time.Time) error {
	tv := unix.NsecToTimeval(now.UnixNano())
	return unix.Settimeofday(&tv)
}

// Freeze brings the guest's file systems to a state that can be saved.
func Freeze() error {
	return unix.Sync()
}

// Thaw renews the clock; the rest is not done outside of Linux.
func Thaw(req agentproto.ThawRequest) error {
	if req.Now.IsZero() {
		return nil
	}
	return SetClock(req.Now)
}

// SetHostname is not done outside of Linux.
func SetHostname(string) error { return unsupported("a host name") }

// Mount is not done outside of Linux.
func Mount(context.Context, agentproto.MountRequest) error { return unsupported("mounts") }

// Unmount is not done outside of Linux.
func Unmount(string) error { return unsupported("mounts") }

// Hold is not done outside of Linux.
func Hold(string) error { return unsupported("holding a file system") }

// Release is not done outside of Linux.
func Release(string) error { return unsupported("holding a file system") }

// Eject is not done outside of Linux.
func Eject(int) error { return unsupported("hot plug") }
