package vzsandbox

import (
	"fmt"

	"vz.internal/vzcontract"
)

// ErrExhausted: a pool has no sandbox that is ready, and the caller did not want to
// wait. It also matches vzcontract.ErrConflict.
var ErrExhausted = fmt.Errorf("no sandbox is ready: %w", vzcontract.ErrConflict)

func invalid(format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, format, args...)
}

func unsupported(format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, format, args...)
}

// failure says which operation on which sandbox failed; nil stays nil.
func failure(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &vzcontract.Error{Op: op, Kind: "sandbox", Name: name, Class: vzcontract.SentinelOf(vzcontract.CodeOf(err)), Err: err}
}
