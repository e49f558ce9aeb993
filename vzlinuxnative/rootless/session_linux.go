package rootless

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Variable is the environment variable by which a program in a session tells those that
// it starts of it, as UID:DIRECTORY. It is believed only where the kernel's map of ids
// says the same.
const Variable = "VZ_SESSION"

// retried says in the environment that this program was executed to get into a session.
const retried = "_VZ_SESSION_ENTERED"

// A Session is what package join has found.
type Session struct {
	Inside bool
	UID    int    // of the user, as the host has it
	Dir    string // of the session's files, whether there is one or not; "" where none can be
	Err    error  // why a session that is there was not joined
}

var (
	session Session
	linked  bool // package join is there
	again   bool // this program was executed by Enter
)

// Joined is called by package join, before main.
func Joined(s Session) {
	session, linked = s, true
	_, again = os.LookupEnv(retried)
	os.Unsetenv(retried)
	if s.Inside {
		os.Setenv(Variable, Environment())
	}
}

// User returns the user whose session this program is in; ok is false outside of one.
func User() (uid int, ok bool) { return session.UID, session.Inside }

// Dir is the directory of the session's files, which is the user's alone; "" outside of
// a session.
func Dir() string {
	if !session.Inside {
		return ""
	}
	return session.Dir
}

// Environment is the value of [Variable] for programs that are started with an
// environment of their own; "" outside of a session.
func Environment() string {
	if !session.Inside {
		return ""
	}
	return strconv.Itoa(session.UID) + ":" + session.Dir
}

// Setuid reports that this program has rights that who runs it does not have.
func Setuid() bool { return os.Getuid() != os.Geteuid() || os.Getgid() != os.Getegid() }

// makeDir makes the session's directory. One that others may look into, or that is
// somebody else's, is refused.
func makeDir(dir string, uid int) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	f := os.NewFile(uintptr(fd), dir)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if int(st.Uid) != uid || st.Mode&0o077 != 0 {
		return nil, errors.Join(fmt.Errorf("%s must belong to uid %d and have mode 0700: change that, or set $VZ_RUN", dir, uid), f.Close())
	}
	// Who may change the directory above could put others in its place.
	if err := unix.Fstatat(fd, "..", &st, 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if int(st.Uid) != uid && st.Uid != 0 || st.Mode&0o022 != 0 {
		return nil, errors.Join(fmt.Errorf("%s must belong to uid %d and be writable by that user alone: change that, or set $VZ_RUN", filepath.Dir(dir), uid), f.Close())
	}
	return f, nil
}
