package vzcontract

import (
	"errors"
	"fmt"
)

// A Code is the stable, machine-readable class of a failure. `--json` output
// and the wire protocols carry it; its values never change.
type Code string

// The eight codes.
const (
	CodeValidation  Code = "validation_error"
	CodeNotFound    Code = "not_found"
	CodeConflict    Code = "state_conflict"
	CodeDenied      Code = "policy_denied"
	CodeTimeout     Code = "timeout"
	CodeUnavailable Code = "backend_unavailable"
	CodeUnsupported Code = "unsupported_operation"
	CodeInternal    Code = "internal_error"
)

// One sentinel per code. Compare with errors.Is; [CodeOf] gives the code of
// any error.
var (
	// ErrValidation: the request itself is wrong; nothing was done.
	ErrValidation = errors.New("invalid argument")
	// ErrNotFound: the named thing does not exist.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the thing exists but is in a state, or under a name or
	// port in use, that does not allow the step; nothing was changed.
	ErrConflict = errors.New("state conflict")
	// ErrDenied: a policy or missing permission forbids it.
	ErrDenied = errors.New("denied")
	// ErrTimeout: the operation's own time limit ran out.
	ErrTimeout = errors.New("timeout")
	// ErrUnavailable: the backend or a service it needs cannot be reached.
	ErrUnavailable = errors.New("backend unavailable")
	// ErrUnsupported: this backend or host cannot do it, ever.
	ErrUnsupported = errors.New("unsupported operation")
	// ErrInternal: a defect or an unexpected failure of the host.
	ErrInternal = errors.New("internal error")
)

var sentinels = []struct {
	code Code
	err  error
}{
	{CodeValidation, ErrValidation},
	{CodeNotFound, ErrNotFound},
	{CodeConflict, ErrConflict},
	{CodeDenied, ErrDenied},
	{CodeTimeout, ErrTimeout},
	{CodeUnavailable, ErrUnavailable},
	{CodeUnsupported, ErrUnsupported},
	{CodeInternal, ErrInternal},
}

// Conditions inside a class that callers branch on.
var (
	// ErrCannotExec: the program exists but cannot be executed (exit
	// code 126 on the command line). It also matches ErrValidation.
	ErrCannotExec = fmt.Errorf("cannot be executed: %w", ErrValidation)
	// ErrNoSuchProgram: the program was not found in the container (exit
	// code 127). It also matches ErrValidation.
	ErrNoSuchProgram = fmt.Errorf("executable not found: %w", ErrValidation)
	// ErrOutputLost: what the workload writes cannot be handed to the
	// caller any more, as at the end of a pipe whose reader has gone. It
	// also matches ErrUnavailable.
	ErrOutputLost = fmt.Errorf("output lost: %w", ErrUnavailable)
	// ErrRefused: no program listens on the port. It also matches
	// ErrUnavailable: one that starts may listen soon.
	ErrRefused = fmt.Errorf("connection refused: %w", ErrUnavailable)
)

// CodeOf returns the code of err: that of the first sentinel it matches,
// [CodeInternal] for any other error and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return s.code
		}
	}
	return CodeInternal
}

// SentinelOf returns the sentinel of code, [ErrInternal] for an unknown one.
func SentinelOf(code Code) error {
	for _, s := range sentinels {
		if s.code == code {
			return s.err
		}
	}
	return ErrInternal
}

// An Error says which operation on which thing failed. Message texts are for
// people: "<op> <kind> <name>: <reason>". Class is one of the sentinels and
// is matched by errors.Is besides the cause; it is not repeated in the text.
type Error struct {
	Op    string // "create", "start", "pull", …
	Kind  string // "container", "image", "network", "volume", …; may be empty
	Name  string // as the caller named it; may be empty
	Class error  // one of the Err sentinels above, never nil
	Err   error  // the cause, worded for people; may be nil
}

// Error implements error.
func (e *Error) Error() string {
	s := e.Op
	if e.Kind != "" {
		s += " " + e.Kind
	}
	if e.Name != "" {
		s += " " + e.Name
	}
	if e.Err != nil {
		return s + ": " + e.Err.Error()
	}
	return s + ": " + e.Class.Error()
}

// Unwrap lets errors.Is and errors.As see both the class and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Class}
	}
	return []error{e.Class, e.Err}
}

// Errorf returns an error of the given class whose text is only the formatted
// message. A %w verb in format is honoured.
func Errorf(class error, format string, args ...any) error {
	return &classified{class: class, err: fmt.Errorf(format, args...)}
}

type classified struct{ class, err error }

func (c *classified) Error() string   { return c.err.Error() }
func (c *classified) Unwrap() []error { return []error{c.class, c.err} }
