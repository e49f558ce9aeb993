package wire

import (
	"context"
	"errors"

	"vz.internal/vzcontract"
)

// An Error is a failure on its way to a client.
type Error struct {
	Code vzcontract.Code `json:"code"`
	// Kind tells the conditions inside a class apart.
	Kind string `json:"kind,omitempty"`
	Text string `json:"text"`
}

// kinds are the conditions that callers branch on besides the class.
var kinds = map[string]error{
	"no-such-program": vzcontract.ErrNoSuchProgram,
	"cannot-exec":     vzcontract.ErrCannotExec,
	"output-lost":     vzcontract.ErrOutputLost,
	"gone":            ErrGone,
	"cancelled":       context.Canceled,
}

// ErrGone: the monitor is about to end and takes no more requests.
var ErrGone = errors.New("the monitor is about to end")

// Fail puts an error into words for the wire; nil stays nil.
func Fail(err error) *Error {
	if err == nil {
		return nil
	}
	e := &Error{Code: vzcontract.CodeOf(err), Text: err.Error()}
	for kind, condition := range kinds {
		if errors.Is(err, condition) {
			e.Kind = kind
		}
	}
	return e
}

// Unwire gives the error back with its class.
func (e *Error) Unwire() error {
	if e == nil {
		return nil
	}
	class, ok := kinds[e.Kind]
	if !ok {
		class = vzcontract.SentinelOf(e.Code)
	}
	return vzcontract.Errorf(class, "%s", e.Text)
}
