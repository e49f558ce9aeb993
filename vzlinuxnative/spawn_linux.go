package vzlinuxnative

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/fault"
	"vz.internal/vzlinuxnative/internal/wire"
	"vz.internal/vzlinuxnative/rootless"
)

// A spawned is a monitor that waits to be told its container.
type spawned struct {
	pid  int
	conn *wire.Conn
}

// Warm starts a monitor ahead of time, so that the next Start need not wait for
// it; neither does Warm. It is for programs that know that they will start a
// container soon. A monitor that was not needed ends with Close or with this
// process.
func (b *Backend) Warm() {
	soon := make(chan *spawned, 1)
	go func() {
		m, err := b.spawnMonitor()
		if err != nil {
			m = nil // Start will try again, and tell
		}
		soon <- m
	}()
	drop(b.swapSpare(soon))
}

// AwaitWarm returns when the monitor that Warm has started waits for a container. It
// is for who saves the machine that this runs in, for others to go on from.
func (b *Backend) AwaitWarm() error {
	spare := b.swapSpare(nil)
	if spare == nil {
		return nil
	}
	m := <-spare
	if m == nil {
		return vzcontract.Errorf(vzcontract.ErrInternal, "the monitor did not start: see %s", b.monitorLog())
	}
	err := m.conn.Send(&wire.Message{Op: wire.Ready})
	if err == nil {
		_, _, err = m.conn.Receive()
	}
	if err != nil {
		m.conn.Close()
		return fmt.Errorf("await the monitor: %w", err)
	}
	again := make(chan *spawned, 1)
	again <- m
	drop(b.swapSpare(again))
	return nil
}

// swapSpare puts a spare monitor, nil for none, in the place of another.
func (b *Backend) swapSpare(next <-chan *spawned) <-chan *spawned {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.spare
	b.spare = next
	return old
}

// drop ends a spare monitor.
func drop(spare <-chan *spawned) {
	if spare == nil {
		return
	}
	if m := <-spare; m != nil {
		m.conn.Close()
	}
}

// monitor returns the spare monitor, or a new one.
func (b *Backend) monitor() (*spawned, error) {
	if spare := b.swapSpare(nil); spare != nil {
		if m := <-spare; m != nil {
			return m, nil
		}
	}
	return b.spawnMonitor()
}

// spawnMonitor starts the process, in a session and a mount namespace of its
// own. It ends by itself when the connection does before a container was named.
func (b *Backend) spawnMonitor() (*spawned, error) {
	argv, err := b.monitorProgram()
	if err != nil {
		return nil, err
	}
	ours, theirs, err := wire.Pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	pid, fd, err := b.startProcess(argv, theirs)
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("start the monitor: %w", err)
	}
	go reap(pid, fd)
	return &spawned{pid: pid, conn: ours}, nil
}

// reap waits for the end of a monitor; how it ended, the record says. With the
// descriptor of a process, else -1, no thread waits, which in a short-lived
// program costs more than all else of this.
func reap(pid, fd int) {
	if fd >= 0 && unix.SetNonblock(fd, true) == nil {
		f := os.NewFile(uintptr(fd), "vz-monitor")
		defer f.Close()
		if c, err := f.SyscallConn(); err == nil {
			done := false
			_ = c.Read(func(uintptr) bool {
				got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
				done = got == pid || errors.Is(err, unix.ECHILD)
				return done || err != nil && !errors.Is(err, unix.EINTR)
			})
			if done {
				return
			}
		}
	}
	for {
		if _, err := unix.Wait4(pid, nil, 0, nil); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

// startProcess returns the pid, and a descriptor of the process or -1.
func (b *Backend) startProcess(argv []string, conn *os.File) (pid, fd int, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, -1, err
	}
	defer null.Close()
	if err := os.MkdirAll(b.opts.Run, 0o700); err != nil {
		return 0, -1, err
	}
	log, err := openMonitorLog(b.monitorLog())
	if err != nil {
		return 0, -1, err
	}
	defer log.Close()
	argv = append(argv[:len(argv):len(argv)], "--home", b.opts.Home, "--run", b.opts.Run)
	fd = -1
	pid, _, err = syscall.StartProcess(argv[0], argv, &syscall.ProcAttr{
		Dir: "/", Env: monitorEnv(), Files: []uintptr{null.Fd(), null.Fd(), log.Fd(), conn.Fd()},
		Sys: &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWNS, PidFD: &fd},
	})
	if err != nil {
		err = &os.PathError{Op: "run", Path: argv[0], Err: err}
	}
	return pid, fd, err
}

// monitorEnv is a monitor's environment. One processor is enough for it and
// saves it threads; it collects garbage only once its container runs.
func monitorEnv() []string {
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	if _, in := rootless.User(); in {
		path = os.Getenv("PATH") // where the user has what leads networks out
	}
	env := []string{"GOMAXPROCS=1", "GOGC=off", "GOMEMLIMIT=48MiB", "PATH=" + path}
	for _, name := range []string{fault.Variable, rootless.Variable, "GODEBUG", "GOTRACEBACK"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}
