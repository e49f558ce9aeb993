package ocicli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runc/libcontainer"
	"golang.org/x/sys/unix"
)

func kill(g globals, args []string) (int, error) {
	flags := newFlags("kill")
	all := flags.Bool("all", false, "no error if the container has stopped")
	rest, err := parse(flags, args, 1, 2)
	if err != nil {
		return 0, err
	}
	sig := unix.SIGTERM
	if len(rest) > 1 {
		if sig, err = parseSignal(rest[1]); err != nil {
			return 0, err
		}
	}
	lc, err := g.load(rest[0])
	if err != nil {
		return 0, err
	}
	err = lc.Signal(sig)
	if *all && errors.Is(err, libcontainer.ErrNotRunning) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("kill %s: %w", lc.ID(), err)
	}
	return 0, nil
}

func parseSignal(s string) (unix.Signal, error) {
	if n, err := strconv.Atoi(s); err == nil {
		if n < 0 || n > 64 {
			return 0, fmt.Errorf("signal %d: give 0 to 64", n)
		}
		return unix.Signal(n), nil
	}
	name := strings.ToUpper(s)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig := unix.SignalNum(name); sig != 0 {
		return sig, nil
	}
	return 0, fmt.Errorf("signal %q is unknown", s)
}

func remove(g globals, args []string) (int, error) {
	flags := newFlags("delete")
	force := flags.Bool("force", false, "kill first; no error if there is none")
	flags.BoolVar(force, "f", false, "short for --force")
	rest, err := parse(flags, args, 1, 1)
	if err != nil {
		return 0, err
	}
	lc, err := libcontainer.Load(g.root, rest[0])
	switch {
	case errors.Is(err, libcontainer.ErrNotExist) && *force:
		// A create that was killed leaves a directory without a state.
		return 0, os.RemoveAll(filepath.Join(g.root, filepath.Base(rest[0])))
	case errors.Is(err, libcontainer.ErrNotExist):
		return 0, fmt.Errorf("container %q does not exist", rest[0])
	case err != nil:
		return 0, fmt.Errorf("container %q: %w", rest[0], err)
	}
	status, err := lc.Status()
	if err != nil {
		return 0, err
	}
	// Unlike runc, and as the specification says, not a created one either.
	if status != libcontainer.Stopped && !*force {
		return 0, fmt.Errorf("delete %s: the container is %s: stop it, or give --force", lc.ID(), status)
	}
	return 0, destroy(lc)
}

// destroy kills what runs, waits for its end and removes the container.
func destroy(lc *libcontainer.Container) error {
	if st, err := lc.State(); err == nil && st.InitProcessPid > 0 {
		if err := endInit(lc, st.InitProcessPid); err != nil {
			return err
		}
	}
	if err := lc.Destroy(); err != nil {
		return fmt.Errorf("delete %s: %w", lc.ID(), err)
	}
	return nil
}

// endInit kills the init and waits until it has ended. The descriptor is
// opened before libcontainer checks that the pid is still the init's.
func endInit(lc *libcontainer.Container, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("kill %s: %w", lc.ID(), err)
	}
	defer unix.Close(fd)
	if err := lc.Signal(unix.SIGKILL); err != nil {
		if errors.Is(err, libcontainer.ErrNotRunning) {
			return nil
		}
		return fmt.Errorf("kill %s: %w", lc.ID(), err)
	}
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
