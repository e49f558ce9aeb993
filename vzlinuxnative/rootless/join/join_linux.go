// Package join takes a program into its user's session before it begins: import it for
// that from the main package of a program that calls rootless.Enter. For root it does
// nothing.
//
// It also is the program of the session's holder, for the arguments "internal
// session-new" and "internal session-again", which rootless.Enter starts.
package join

// #cgo CFLAGS: -O2 -Wall -Wextra
// #cgo LDFLAGS: -lpthread
// #include "join_linux.h"
import "C"

import (
	"syscall"

	"vz.internal/vzlinuxnative/rootless"
)

func init() {
	s := &C.vz_session
	var err error
	if s.err != 0 {
		err = &stepError{C.GoString(s.step), syscall.Errno(s.err)}
	}
	rootless.Joined(rootless.Session{
		Inside: s.joined != 0, UID: int(s.uid), Dir: C.GoString(&s.dir[0]), Err: err,
	})
}

type stepError struct {
	step  string
	errno syscall.Errno
}

func (e *stepError) Error() string { return e.step + ": " + e.errno.Error() }
func (e *stepError) Unwrap() error { return e.errno }
