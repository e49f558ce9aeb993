package rootless

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Namespaces are the part of a session that a monitor keeps: see [Options.Survivors]. Net
// may be nil.
type Namespaces struct{ User, Net *os.File }

// Options say how a session is entered.
type Options struct {
	// Survivors asks monitors that live for the namespaces of a session whose holder
	// was killed; nil is that there are none. It is called with the session's lock
	// held.
	Survivors func() *Namespaces
}

// Enter executes this program again, in the session of its user; where there is none it
// makes one. It returns only with an error: a program that is root, or that runs with
// rights that its caller does not have, has no session.
func Enter(opts Options) error {
	uid, gid := os.Getuid(), os.Getgid()
	switch {
	case Setuid():
		return ErrSetuid
	case session.Inside || uid == 0:
		return errors.New("enter session: it is entered, or this is root")
	case !linked:
		return errors.New("enter session: this program does not import vz.internal/vzlinuxnative/rootless/join")
	case session.Err != nil:
		return fmt.Errorf("enter session: %w", session.Err)
	case again:
		return fmt.Errorf("enter session: its holder has ended at once; see %s", session.Dir)
	}
	if err := open(uid, gid, opts); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Setenv(retried, "1"); err != nil {
		return err
	}
	err = syscall.Exec("/proc/self/exe", os.Args, os.Environ())
	return fmt.Errorf("enter session: run %s again: %w", self, err)
}

// ErrSetuid is the refusal to run with rights that the caller does not have.
var ErrSetuid = errors.New("vz is installed setuid or setgid, which it must not be: chmod ug-s it")

// open makes the session unless somebody else has just done so.
func open(uid, gid int, opts Options) error {
	if session.Dir == "" {
		return errors.New("enter session: $HOME is not set; set $VZ_RUN to a directory of your own")
	}
	dir, err := makeDir(session.Dir, uid)
	if err != nil {
		return fmt.Errorf("enter session: %w", err)
	}
	defer dir.Close()
	lock, err := openIn(dir, "lock")
	if err != nil {
		return fmt.Errorf("enter session: %w", err)
	}
	defer lock.Close()
	if err := flock(lock, unix.LOCK_EX); err != nil {
		return fmt.Errorf("enter session: lock %s: %w", lock.Name(), err)
	}
	members, err := openIn(dir, "members")
	if err != nil {
		return fmt.Errorf("enter session: %w", err)
	}
	defer members.Close()
	// A holder that is about to end is waited for; one that is there now stays until
	// this process has become a member.
	if err := flock(members, unix.LOCK_SH); err != nil {
		return fmt.Errorf("enter session: lock %s: %w", members.Name(), err)
	}
	if conn, err := dial(dir); err == nil {
		return conn.Close()
	}
	var kept *Namespaces
	if opts.Survivors != nil {
		kept = opts.Survivors()
	}
	return hold(dir, uid, gid, kept)
}

func openIn(dir *os.File, name string) (*os.File, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir.Name() + "/" + name, Err: err}
	}
	return os.NewFile(uintptr(fd), dir.Name()+"/"+name), nil
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// hold starts a holder, in new namespaces or in those that were kept.
func hold(dir *os.File, uid, gid int, kept *Namespaces) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("enter session: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "holder"), os.NewFile(uintptr(pair[1]), "holder")
	defer ours.Close()
	defer theirs.Close()
	part := "session-new"
	files := []uintptr{null.Fd(), null.Fd(), null.Fd(), theirs.Fd(), dir.Fd()}
	if kept != nil {
		part = "session-again"
		defer kept.User.Close()
		net := null // which is none
		if kept.Net != nil {
			net = kept.Net
			defer net.Close()
		}
		files = append(files, kept.User.Fd(), net.Fd())
	}
	pid, _, err := syscall.StartProcess("/proc/self/exe", []string{"vz", "internal", part, dir.Name()}, &syscall.ProcAttr{Dir: "/", Env: []string{}, Files: files})
	if err != nil {
		return fmt.Errorf("enter session: start its holder: %w", err)
	}
	theirs.Close()
	ids := FindIDs(uid)
	for {
		said, err := hear(ours)
		switch {
		case err == nil && said == "R":
			return nil // it is a member's child until this program is executed again
		case err == nil && said == "U":
			err = writeMaps(pid, uid, gid, ids)
			if err == nil {
				_, err = ours.Write([]byte{1})
			}
			if err != nil {
				err = fmt.Errorf("give ids to the session: %w", err)
			}
		}
		if err != nil {
			ours.Close()
			_, _ = syscall.Wait4(pid, nil, 0, nil)
			return fmt.Errorf("enter session: %w", err)
		}
	}
}

// hear returns what the holder says; the step that failed is an error.
func hear(conn *os.File) (string, error) {
	var buf [256]byte
	n, err := conn.Read(buf[:])
	if errors.Is(err, io.EOF) {
		return "", errors.New("its holder was killed")
	}
	if err != nil {
		return "", err
	}
	text := string(buf[:n])
	if text[0] != 'E' {
		return text, nil
	}
	number, step, _ := strings.Cut(text[1:], " ")
	errno, err := strconv.Atoi(number)
	if err != nil {
		return "", errors.New(text)
	}
	return "", refusal(step, syscall.Errno(errno))
}

// refusal adds what keeps an ordinary user from making a namespace, and the next step.
func refusal(step string, errno syscall.Errno) error {
	err := fmt.Errorf("%s: %w", step, errno)
	if o := Obstacle(); o != nil {
		return fmt.Errorf("%w: %s; %s", err, o.Reason, o.Remedy)
	}
	return err
}
