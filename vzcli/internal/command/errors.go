package command

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"vz.internal/vzcli/internal/output"
)

// The exit codes of vz itself; a workload's own code is passed on as it is.
const (
	CodeOK         = 0
	CodeFailure    = 1   // vz failed
	CodeUsage      = 2   // the command line is wrong
	CodeVZ         = 125 // vz failed where the workload's code was expected
	CodeCannotExec = 126
	CodeNotFound   = 127
	CodeOutputLost = 141 // as of a program that SIGPIPE ends
)

// A UsageError is a command line that cannot be understood.
type UsageError struct{ Err error }

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef returns a UsageError.
func Usagef(format string, args ...any) error {
	return &UsageError{Err: fmt.Errorf(format, args...)}
}

// An ExitError ends the program with a workload's own exit code and no message.
type ExitError int

// Error implements error.
func (e ExitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Exit returns nil for 0 and an ExitError for any other code.
func Exit(code int) error {
	if code == 0 {
		return nil
	}
	return ExitError(code)
}

// Each calls f for every name, prints the name where f succeeded, and joins
// the errors.
func Each(w io.Writer, names []string, f func(name string) error) error {
	var errs []error
	for _, name := range names {
		if err := f(name); err != nil {
			errs = append(errs, err)
			continue
		}
		if _, err := fmt.Fprintln(w, name); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// OneLine makes any text fit on a line, and a line that a terminal shows as it
// is.
func OneLine(s string) string {
	return output.Printable(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }), " "))
}
