package vmm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"vz.internal/vzcore/qemu"
	"vz.internal/vzoci/vmbackend/owner"
)

// Warm makes the snapshot that machines like spec start from, if there is none.
func Warm(ctx context.Context, opts Options, spec WarmSpec) error {
	driver, err := qemu.New(qemu.Options{RunDir: opts.Registry.Run})
	if err != nil {
		return err
	}
	return owner.Warm(ctx, owner.Template{
		Home: opts.Registry.Home, Driver: driver, Arch: qemu.HostArch(),
		Bundle: spec.Bundle, CPUs: spec.CPUs, Memory: spec.Memory, Disk: spec.Disk, Network: spec.Network, Cards: spec.Cards, Wire: wire(opts), Fresh: !spec.Used,
	})
}

// spawnWarm has this program do that in a process of its own, which outlives the
// machine and gets what processor time nobody else wants.
func spawnWarm(opts Options, t owner.Template) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "-home", opts.Registry.Home, "-run", opts.Registry.Run, "-warm",
		"-cpus", strconv.Itoa(t.CPUs), "-memory", strconv.FormatUint(t.Memory, 10), "-disk", strconv.FormatInt(t.Disk, 10), "-network="+strconv.FormatBool(t.Network), "-cards", strconv.Itoa(t.Cards),
		"-used="+strconv.FormatBool(!t.Fresh), "-bundle", t.Bundle)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	started := make(chan error, 1)
	go func() {
		// The thread, whose scheduling the process inherits, ends with this function.
		runtime.LockOSThread()
		idle := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
		if err := unix.SchedSetAttr(0, &idle, 0); err != nil {
			started <- fmt.Errorf("be of the lowest priority: %w", err)
			return
		}
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it has told on stderr what went wrong
		}
	}()
	return <-started
}
