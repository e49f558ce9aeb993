package runflags

import (
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

// bad is a value that cannot be understood: a usage error.
func bad(flag, value, format string, args ...any) error {
	args = append([]any{flag, value}, args...)
	return &command.UsageError{Err: vzcontract.Errorf(vzcontract.ErrValidation, "--%s %s: "+format, args...)}
}

// refuse is a value that docker knows and vz does not do.
func refuse(flag, value, why string) error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "--%s %s: %s", flag, value, why)
}

// each parses every value of a flag.
func each[T any](flag string, values []string, parse func(flag, value string) (T, error)) ([]T, error) {
	var all []T
	for _, v := range values {
		t, err := parse(flag, v)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}
