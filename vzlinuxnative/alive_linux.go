package vzlinuxnative

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
)

// lockFile is held by the monitor of a container, and by who is about to start
// one, and by who removes the container.
const lockFile = "monitor.lock"

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// monitorLives reports whether somebody holds the container's monitor lock.
func (b *Backend) monitorLives(id string) bool {
	f, err := statefile.Open(filepath.Join(b.store.Dir(id), lockFile))
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(flock(f, unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

var errStarted = vzcontract.Errorf(vzcontract.ErrConflict, "the container was started meanwhile")

// takeMonitorLock takes the lock, waiting for a monitor that is about to end.
// It dies with the last process that has the file open. It is errStarted when
// whoever has the lock starts the container: that one keeps it.
func (b *Backend) takeMonitorLock(ctx context.Context, id string) (*os.File, error) {
	for {
		f, err := os.OpenFile(filepath.Join(b.store.Dir(id), lockFile), os.O_CREATE|os.O_RDWR, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "no such container")
		}
		if err != nil {
			return nil, err
		}
		if err := b.lockUnlessStarted(ctx, id, f); err != nil {
			return nil, err
		}
		var st unix.Stat_t
		if err := unix.Fstat(int(f.Fd()), &st); err != nil {
			f.Close()
			return nil, err
		}
		if st.Nlink > 0 {
			return f, nil
		}
		f.Close() // removed while we waited
	}
}

// lockUnlessStarted locks f or closes it.
func (b *Backend) lockUnlessStarted(ctx context.Context, id string, f *os.File) error {
	err := flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return nil
	}
	wait, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	seen := make(chan struct{})
	go func() {
		defer close(seen)
		if b.awaitStart(wait, id) == nil {
			cancel(errStarted)
		}
	}()
	defer func() { cancel(nil); <-seen }()
	err = lockWithin(wait, f, unix.LOCK_EX)
	if err != nil && errors.Is(context.Cause(wait), errStarted) {
		return errStarted
	}
	return err
}

// awaitStart returns nil when a monitor has started the container, and an error
// when ctx ends or the container goes.
func (b *Backend) awaitStart(ctx context.Context, id string) error {
	for {
		w, err := b.watch(id)
		if err != nil {
			return err
		}
		st, err := b.store.State(id)
		if err == nil {
			if pid := b.monitorPID(id); (st.Live() || st.Restarting) && pid > 0 && unix.Kill(pid, 0) == nil {
				w.close()
				return nil
			}
			err = pollUntil(ctx, int(w.inotify.Fd()))
		}
		w.close()
		if err != nil {
			return err
		}
	}
}

// lockWithin locks f or closes it. A lock cannot be waited for with a context:
// when that ends, a goroutine goes on waiting and gives the lock back.
func lockWithin(ctx context.Context, f *os.File, how int) error {
	err := flock(f, how|unix.LOCK_NB)
	if err == nil {
		return nil
	}
	if !errors.Is(err, unix.EWOULDBLOCK) {
		f.Close()
		return fmt.Errorf("lock: %w", err)
	}
	locked := make(chan error, 1)
	go func() { locked <- flock(f, how) }()
	select {
	case err := <-locked:
		if err != nil {
			f.Close()
		}
		return err
	case <-ctx.Done():
		go func() { <-locked; f.Close() }()
		return ctx.Err()
	}
}

// monitorPID is the pid of the container's monitor, 0 if that is unknown. It
// is a hint: only the lock tells whether a monitor lives.
func (b *Backend) monitorPID(id string) int {
	data, err := statefile.Read(filepath.Join(b.store.Dir(id), lockFile))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0
	}
	return pid
}

// notePID writes the pid of the monitor into its lock.
func notePID(lock *os.File, pid int) error {
	_, err := lock.WriteAt(fmt.Appendf(nil, "%-10d\n", pid), 0)
	return err
}
