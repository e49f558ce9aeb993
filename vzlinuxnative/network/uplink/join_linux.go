package uplink

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// Options say what to lead out, and by whom.
type Options struct {
	// Dir is where the keeper is found. It exists, and is the user's alone.
	Dir string
	// Namespace is what is led out. Its file stays the caller's, and is open until Close.
	Namespace *os.File
	// Keeper is the program, with its first arguments, that calls [Main] with those that
	// follow. It runs in the network namespace of the caller's process.
	Keeper []string
	// Note takes what happens later, such as the end of the program. It may be nil.
	Note func(text string)
}

// An Uplink is that a namespace is led out, for one who needs it, from Join until Close.
type Uplink struct {
	opts Options

	mu      sync.Mutex
	conn    net.Conn // guarded by mu
	program string   // guarded by mu
	closed  bool     // guarded by mu
}

// Join returns when the namespace is led out. The error says what is missing, and matches
// vzcontract.ErrUnavailable then. It must not be called on a thread that is in another
// network namespace than the process.
func Join(ctx context.Context, opts Options) (*Uplink, error) {
	u := &Uplink{opts: opts}
	lines, err := u.join(ctx)
	if err != nil {
		return nil, err
	}
	go u.follow(lines)
	return u, nil
}

// Program is the name of the program that leads out.
func (u *Uplink) Program() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.program
}

// Close gives the uplink up. The namespace is led out until nobody needs it.
func (u *Uplink) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	return u.conn.Close()
}

func socketIn(dir string) string { return filepath.Join(dir, "uplink.sock") }

// lockFile locks the file that who starts or ends a keeper holds.
func lockFile(dir string, how int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "uplink.lock"), os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(err, f.Close())
		}
	}
}

// join connects with the keeper, which it starts if there is none.
func (u *Uplink) join(ctx context.Context) (*bufio.Scanner, error) {
	lock, err := lockFile(u.opts.Dir, unix.LOCK_EX)
	if err != nil {
		return nil, fmt.Errorf("uplink: %w", err)
	}
	defer lock.Close()
	dir, err := os.Open(u.opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("uplink: %w", err)
	}
	defer dir.Close()
	// Not the directory's own path: a socket's may have 107 bytes.
	path := socketIn(fmt.Sprintf("/proc/self/fd/%d", dir.Fd()))
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist) {
		conn, err = u.startKeeper(path)
	}
	if err != nil {
		return nil, fmt.Errorf("uplink: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	lines := bufio.NewScanner(conn)
	if err := u.begin(lines); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	u.conn = conn
	return lines, nil
}

// begin reads the keeper's first word.
func (u *Uplink) begin(lines *bufio.Scanner) error {
	var w word
	if !lines.Scan() || json.Unmarshal(lines.Bytes(), &w) != nil {
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "uplink: its keeper has ended: %s", cause(lines))
	}
	ours, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", u.opts.Namespace.Fd()))
	switch {
	case err != nil:
		return err
	case w.Namespace != ours:
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "uplink: it leads the network of an earlier session out, whose containers are still there: stop them first")
	case w.Failed != "":
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "%s", w.Failed)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.program = w.Program
	return nil
}

func cause(lines *bufio.Scanner) string {
	if err := lines.Err(); err != nil {
		return err.Error()
	}
	return "see monitors.log"
}

// startKeeper starts a keeper, whose socket it makes at path, and connects with it. The
// caller holds the lock.
func (u *Uplink) startKeeper(path string) (net.Conn, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	defer l.Close()
	l.SetUnlinkOnClose(false)
	file, err := l.File()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	argv := append(u.opts.Keeper[:len(u.opts.Keeper):len(u.opts.Keeper)], "--dir", u.opts.Dir)
	p, err := os.StartProcess(argv[0], argv, &os.ProcAttr{
		Dir: "/", Files: []*os.File{null, null, os.Stderr, file, u.opts.Namespace},
		Sys: &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWNS},
	})
	if err != nil {
		return nil, fmt.Errorf("start its keeper: %w", err)
	}
	go func() { _, _ = p.Wait() }()
	return net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
}

// follow passes on what the keeper says, and when it is killed, starts another one.
func (u *Uplink) follow(lines *bufio.Scanner) {
	for {
		for lines.Scan() {
			var w word
			if json.Unmarshal(lines.Bytes(), &w) == nil && w.Note != "" {
				u.note(w.Note)
			}
		}
		u.mu.Lock()
		closed := u.closed
		_ = u.conn.Close()
		u.mu.Unlock()
		if closed {
			return
		}
		var err error
		if lines, err = u.join(context.Background()); err != nil {
			if !errors.Is(err, net.ErrClosed) {
				u.note("containers' networks lead nowhere any more: the uplink's keeper was killed, and there is no other: " + err.Error())
			}
			return
		}
		u.note("the uplink's keeper was killed; there is another one, connections are lost")
	}
}

func (u *Uplink) note(text string) {
	if u.opts.Note != nil {
		u.opts.Note(text)
	}
}
