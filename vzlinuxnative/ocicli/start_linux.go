package ocicli

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/opencontainers/runc/libcontainer"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func start(g globals, args []string) (int, error) {
	rest, err := parse(newFlags("start"), args, 1, 1)
	if err != nil {
		return 0, err
	}
	lc, err := g.load(rest[0])
	if err != nil {
		return 0, err
	}
	status, err := lc.Status()
	if err != nil {
		return 0, err
	}
	if status != libcontainer.Created {
		return 0, fmt.Errorf("start %s: the container is %s, not created", lc.ID(), status)
	}
	return 0, g.begin(lc)
}

// begin lets the workload run, then the poststart hooks. A hook that fails
// is told and changes nothing, as the specification has it.
func (g globals) begin(lc *libcontainer.Container) error {
	if err := lc.Exec(); err != nil {
		return err
	}
	hooks, err := loadHooks(filepath.Join(g.root, lc.ID()))
	if err != nil || len(hooks) == 0 {
		return err
	}
	st, err := lc.OCIState()
	if err != nil {
		return err
	}
	st.Status = specs.StateRunning
	for _, h := range hooks {
		if err := h.Run(st); err != nil {
			fmt.Fprintln(os.Stderr, "vz oci: poststart hook:", err)
		}
	}
	return nil
}

// load finds a container.
func (g globals) load(id string) (*libcontainer.Container, error) {
	lc, err := libcontainer.Load(g.root, id)
	if errors.Is(err, libcontainer.ErrNotExist) {
		return nil, fmt.Errorf("container %q does not exist", id)
	}
	if err != nil {
		return nil, fmt.Errorf("container %q: %w", id, err)
	}
	return lc, nil
}

// waitFor passes our signals on and returns the exit code of p.
func waitFor(p *libcontainer.Process) (int, error) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				_ = p.Signal(s) // it may have ended
			case <-done:
				return
			}
		}
	}()
	st, err := p.Wait()
	close(done)
	signal.Stop(signals)
	if st == nil {
		return 0, err
	}
	ws := st.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return ws.ExitStatus(), nil
}
