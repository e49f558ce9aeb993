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
	"os"
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
	if program := C.GoString(&s.program[0]); s.joined != 0 && program != "" {
		findSelf(program)
	}
}

// findSelf executes this program again, by its path, where os.Executable does not tell
// that path any more: the file is one of a mount in the namespace that was left, of which
// the kernel knows the lower part of the path alone.
func findSelf(program string) {
	if self, err := os.Executable(); err != nil || self != program {
		_ = syscall.Exec(program, os.Args, os.Environ()) // without it the programs beside this one are not found
	}
}

type stepError struct {
	step  string
	errno syscall.Errno
}

func (e *stepError) Error() string { return e.step + ": " + e.errno.Error() }
func (e *stepError) Unwrap() error { return e.errno }
