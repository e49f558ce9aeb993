package vzf

import (
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func TestExplain(t *testing.T) {
	tests := []struct {
		name string
		err  error
		is   error
		want string
	}{
		{"limit", &failure{domainFramework, codeLimit, "The limit was exceeded."}, vzcontract.ErrUnavailable, "at most two macOS guests"},
		{"restore", &failure{domainFramework, codeRestore, "invalid argument"}, vzcontract.ErrConflict, "boot it instead"},
		{"transition", &failure{domainFramework, codeTransition, "x"}, vzcontract.ErrConflict, "start: x"},
		{"unsupported", &failure{domainFramework, codeNotSupported, "x"}, vzcontract.ErrUnsupported, "x"},
		{"unknown", &failure{domainFramework, 10001, "x"}, vzcontract.ErrInternal, "x"},
		{"unsigned", &failure{domainFramework, codeConfiguration, "no com.apple.security.virtualization entitlement"}, vzcontract.ErrDenied, "vz vm self-sign"},
		{"of the system", &failure{domainPOSIX, int(syscall.ECONNRESET), "reset"}, syscall.ECONNRESET, "reset (NSPOSIXErrorDomain"},
		{"another", errBroken, errBroken, "start: broken"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := explain("start", tt.err)
			require.ErrorIs(t, err, tt.is)
			require.ErrorContains(t, err, tt.want)
			require.True(t, errors.Is(err, tt.err), "the cause is kept")
		})
	}
	require.NoError(t, explain("start", nil))
}
