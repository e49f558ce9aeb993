package vzcontract_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"vz.internal/vzcontract"
)

func TestCodesAndSentinels(t *testing.T) {
	sentinels := map[vzcontract.Code]error{
		"validation_error": vzcontract.ErrValidation, "not_found": vzcontract.ErrNotFound, "state_conflict": vzcontract.ErrConflict,
		"policy_denied": vzcontract.ErrDenied, "timeout": vzcontract.ErrTimeout, "backend_unavailable": vzcontract.ErrUnavailable,
		"unsupported_operation": vzcontract.ErrUnsupported, "internal_error": vzcontract.ErrInternal,
	}
	for code, sentinel := range sentinels {
		if got := vzcontract.CodeOf(fmt.Errorf("deep: %w", sentinel)); got != code {
			t.Errorf("CodeOf(%v) = %s, want %s", sentinel, got, code)
		}
		if got := vzcontract.SentinelOf(code); got != sentinel { //nolint:errorlint // the value itself
			t.Errorf("SentinelOf(%s) = %v, want %v", code, got, sentinel)
		}
	}
	for err, want := range map[error]vzcontract.Code{
		nil: "", errors.New("any"): vzcontract.CodeInternal, fs.ErrNotExist: vzcontract.CodeInternal,
		vzcontract.ErrCannotExec: vzcontract.CodeValidation, vzcontract.ErrNoSuchProgram: vzcontract.CodeValidation,
	} {
		if got := vzcontract.CodeOf(err); got != want {
			t.Errorf("CodeOf(%v) = %q, want %q", err, got, want)
		}
	}
	if got := vzcontract.SentinelOf("nope"); got != vzcontract.ErrInternal { //nolint:errorlint // the value itself
		t.Errorf("SentinelOf of an unknown code = %v", got)
	}
}

func TestError(t *testing.T) {
	cause := vzcontract.Errorf(vzcontract.ErrConflict, "open %s: %w", "x", fs.ErrPermission)
	tests := []struct {
		err  *vzcontract.Error
		want string
	}{
		{&vzcontract.Error{Op: "start", Kind: "container", Name: "a", Class: vzcontract.ErrConflict, Err: cause}, "start container a: open x: permission denied"},
		{&vzcontract.Error{Op: "pull", Kind: "image", Name: "b", Class: vzcontract.ErrNotFound}, "pull image b: not found"},
		{&vzcontract.Error{Op: "list", Class: vzcontract.ErrUnavailable}, "list: backend unavailable"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("Error() = %q, want %q", got, tt.want)
		}
		if !errors.Is(tt.err, tt.err.Class) {
			t.Errorf("%v does not match its class", tt.err)
		}
	}
	first := fmt.Errorf("more: %w", tests[0].err)
	var typed *vzcontract.Error
	if !errors.Is(first, fs.ErrPermission) || !errors.As(first, &typed) || typed.Name != "a" {
		t.Errorf("%v loses its cause or its fields", first)
	}
}
