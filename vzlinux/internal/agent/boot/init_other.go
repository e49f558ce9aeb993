//go:build !linux

package boot

import "log/slog"

// Argument tells the agent that process 1 is this package's.
const Argument = "--booted"

// Is tells whether this process is the guest's first: on Linux alone it can be.
func Is() bool { return false }

// Main is Linux's process 1.
func Main(*slog.Logger) { panic("process 1 is done on Linux only") }

// Shutdown is not called where Is is false.
func Shutdown(bool) error { panic("process 1 is done on Linux only") }
