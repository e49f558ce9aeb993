// Package timerslack lets Go's runtime sleep. A thread of it looks after the others every
// 20 microseconds while any works: some 200 wake-ups in the 20 milliseconds that a `vz run`
// takes, in each of its two programs, and a fifth of their processor time. Whoever imports
// this package allows the kernel to wake its threads a millisecond late (PR_SET_TIMERSLACK
// of prctl(2)), so that these wake-ups come together. All timers of the program are that
// much less exact.
//
// Programs that it starts inherit this; [Restore] is for those that are somebody else's.
package timerslack

// #include <sys/prctl.h>
//
// // Before the runtime's first thread, which passes it on to all others.
// __attribute__((constructor)) static void relax(void) { prctl(PR_SET_TIMERSLACK, 1000000, 0, 0, 0); }
import "C"

import "golang.org/x/sys/unix"

// Default is the kernel's own slack in nanoseconds, which a container's programs have.
const Default = 50_000

// Restore gives the calling thread, and what it executes, the kernel's own slack.
func Restore() error { return unix.Prctl(unix.PR_SET_TIMERSLACK, Default, 0, 0, 0) }
