package poolsocket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// A Directory has the sockets of pools, such as $VZ_RUN/sandboxes.
type Directory string

const (
	socketSuffix = ".sock"
	lockSuffix   = ".lock"
	logSuffix    = ".log"
)

// Socket is where the pool of that name is reached.
func (d Directory) Socket(pool string) string { return filepath.Join(string(d), pool+socketSuffix) }

func (d Directory) lockFile(pool string) string { return filepath.Join(string(d), pool+lockSuffix) }

// A Lock shows that a pool's process lives. It ends with its process.
type Lock struct {
	dir  Directory
	pool string
	file *os.File
}

// Lock makes the directory and takes the name of a pool. One that another process has
// is vzcontract.ErrConflict, an impossible name vzcontract.ErrValidation.
func (d Directory) Lock(pool string) (*Lock, error) {
	if err := checkName(pool); err != nil {
		return nil, err
	}
	if err := d.make(); err != nil {
		return nil, err
	}
	f, err := d.flock(pool)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, vzcontract.Errorf(vzcontract.ErrConflict,
			"sandbox pool %s: another process serves it; see vz sandbox pool ls, or end it with vz sandbox pool stop %s", pool, pool)
	}
	if err != nil {
		return nil, fmt.Errorf("lock sandbox pool %s: %w", pool, err)
	}
	return &Lock{dir: d, pool: pool, file: f}, nil
}

func checkName(pool string) error {
	if !vzcontract.ValidName(pool) {
		return vzcontract.Errorf(vzcontract.ErrValidation, "sandbox pool %q: only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed as a name", pool)
	}
	return nil
}

func (d Directory) make() error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return err
	}
	return os.Chmod(string(d), 0o700)
}

// OpenLog opens the file for what a pool's process in the background writes, making it. It
// returns where what is written from now on begins.
func (d Directory) OpenLog(pool string) (f *os.File, began int64, err error) {
	if err := checkName(pool); err != nil {
		return nil, 0, err
	}
	if err := d.make(); err != nil {
		return nil, 0, err
	}
	f, err = os.OpenFile(filepath.Join(string(d), pool+logSuffix), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// flock locks the file of a pool, making it. One that somebody has is EWOULDBLOCK.
func (d Directory) flock(pool string) (*os.File, error) {
	for {
		f, err := os.OpenFile(d.lockFile(pool), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		ours, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if there, err := os.Stat(f.Name()); err == nil && os.SameFile(ours, there) {
			return f, nil
		}
		_ = f.Close() // whoever had it removed it
	}
}

// Listen makes the socket, in the place of one that a killed process has left.
func (l *Lock) Listen() (net.Listener, error) {
	socket := l.dir.Socket(l.pool)
	if err := remove(socket); err != nil {
		return nil, err
	}
	var listener *net.UnixListener
	err := short(socket, func(name string) (err error) {
		if listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"}); err != nil {
			return err
		}
		listener.SetUnlinkOnClose(false) // Release does it, by a name that lasts
		return os.Chmod(socket, 0o600)
	})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", socket, err)
	}
	return listener, nil
}

// RemoveLog removes the log of a pool that has ended well.
func (l *Lock) RemoveLog() error { return remove(filepath.Join(string(l.dir), l.pool+logSuffix)) }

// Release removes the socket and gives the name up.
func (l *Lock) Release() error {
	return errors.Join(remove(l.dir.Socket(l.pool)), remove(l.dir.lockFile(l.pool)), l.file.Close())
}

// dial connects to a pool. None is vzcontract.ErrNotFound.
func (d Directory) dial(ctx context.Context, pool string) (conn net.Conn, err error) {
	if !vzcontract.ValidName(pool) {
		return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "sandbox pool %q: no pool has such a name", pool)
	}
	err = short(d.Socket(pool), func(name string) error {
		var dialer net.Dialer
		conn, err = dialer.DialContext(ctx, "unix", name)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) {
		return nil, vzcontract.Errorf(vzcontract.ErrNotFound,
			"sandbox pool %s: nobody serves it; begin with vz sandbox pool serve %s IMAGE", pool, pool)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to sandbox pool %s: %w", pool, err)
	}
	return conn, nil
}

// Names returns the pools that have a socket, sorted.
func (d Directory) Names() ([]string, error) { return d.with(socketSuffix) }

// with returns the pools that have a file of a kind.
func (d Directory) with(suffix string) ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), suffix); ok {
			names = append(names, name)
		}
	}
	return names, err
}

// Sweep removes the sockets and logs of pools whose processes were killed.
func (d Directory) Sweep() error {
	names, err := d.Names()
	logs, logsErr := d.with(logSuffix)
	err = errors.Join(err, logsErr)
	for _, name := range append(names, logs...) {
		f, lockErr := d.flock(name)
		switch {
		case errors.Is(lockErr, unix.EWOULDBLOCK): // it lives
		case lockErr != nil:
			err = errors.Join(err, lockErr)
		default:
			dead := &Lock{dir: d, pool: name, file: f}
			err = errors.Join(err, dead.RemoveLog(), dead.Release())
		}
	}
	return err
}

// remove removes a file that may not be there.
func remove(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
