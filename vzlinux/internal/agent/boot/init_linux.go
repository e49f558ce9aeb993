package boot

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinux/internal/agent/network"
	"vz.internal/vzlinux/internal/agent/process"
	"vz.internal/vzlinux/internal/agent/system"
)

// Signals by which the agent asks process 1 to end the guest.
const (
	powerOff = unix.SIGUSR2
	reboot   = unix.SIGTERM
)

// How often a dead agent is started anew, and how fast.
const (
	maxRestarts = 10
	restartWait = time.Second
)

// Argument tells the agent that process 1 is this package's.
const Argument = "--booted"

// Is tells whether this process is the guest's first.
func Is() bool { return os.Getpid() == 1 }

// Shutdown has process 1 end the guest.
func Shutdown(again bool) error {
	number := powerOff
	if again {
		number = reboot
	}
	return unix.Kill(1, number)
}

// Main is process 1. It does not return.
func Main(log *slog.Logger) {
	unix.Umask(0o022)
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"leave the initramfs", leaveInitramfs},
		{"mount", mountAll},
		{"share mounts", shareMounts},
		{"make files", files},
		{"cgroups", func() error { return controllers(process.Root) }},
		{"loopback", network.Loopback},
		{"ports and ping", network.Everybody},
		{"host name", func() error { return system.SetHostname("vz") }},
	} {
		if err := step.do(); err != nil {
			// The guest may still do what it is asked for, and can be asked why not.
			log.Error("boot", "step", step.name, "error", err)
		}
	}
	i := &initProcess{log: log, signals: make(chan os.Signal, 64)}
	signal.Notify(i.signals, unix.SIGCHLD, powerOff, reboot, unix.SIGINT)
	i.run()
}

type initProcess struct {
	log      *slog.Logger
	signals  chan os.Signal
	agent    int // process id
	restarts int
}

func (i *initProcess) run() {
	i.start()
	var again <-chan time.Time
	for {
		select {
		case s := <-i.signals:
			switch s {
			case unix.SIGCHLD:
				if i.reap() {
					again = time.After(restartWait)
				}
			case powerOff:
				i.end(unix.LINUX_REBOOT_CMD_POWER_OFF)
			default:
				i.end(unix.LINUX_REBOOT_CMD_RESTART)
			}
		case <-again:
			again = nil
			i.start()
		}
	}
}

// start starts the agent, which is this program.
func (i *initProcess) start() {
	if i.restarts > maxRestarts {
		i.log.Error("the agent dies each time: power off")
		i.end(unix.LINUX_REBOOT_CMD_POWER_OFF)
	}
	i.restarts++
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"vz-guest-agent", Argument}, &syscall.ProcAttr{
		Dir: "/", Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		i.log.Error("start the agent", "error", err)
		i.end(unix.LINUX_REBOOT_CMD_POWER_OFF)
	}
	i.agent = pid
}

// reap takes the exit status of all that died and tells whether the agent did.
func (i *initProcess) reap() (agentDied bool) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return agentDied
		}
		if pid == i.agent {
			i.log.Error("the agent died", "status", describe(status))
			agentDied = true
		}
	}
}

func describe(status unix.WaitStatus) string {
	if status.Signaled() {
		return status.Signal().String()
	}
	return fmt.Sprintf("exit %d", status.ExitStatus())
}

// How long programs have between TERM and KILL when the guest ends.
const endWait = 5 * time.Second

// end ends all programs and the guest.
func (i *initProcess) end(how int) {
	_ = unix.Kill(-1, unix.SIGTERM)
	limit := time.After(endWait)
	for alive := true; alive; {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		switch {
		case errors.Is(err, unix.ECHILD): // nothing is left, adopted or not
			alive = false
		case pid == 0:
			select {
			case <-i.signals:
			case <-limit:
				alive = false
			}
		}
	}
	_ = unix.Kill(-1, unix.SIGKILL)
	unix.Sync()
	err := unix.Reboot(how)
	i.log.Error("end the guest", "error", err)
	select {}
}
