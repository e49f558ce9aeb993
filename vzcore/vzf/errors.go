package vzf

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"vz.internal/vzcontract"
)

// The domains of errors that the framework gives.
const (
	domainFramework = "VZErrorDomain"
	domainPOSIX     = "NSPOSIXErrorDomain"
)

// The codes of domainFramework, as Apple counts them.
const (
	codeInternal = 1 + iota
	codeConfiguration
	codeState
	codeTransition
	codeDiskImage
	codeLimit
	codeNetwork
	codeDiskSpace
	codeCancelled
	codeNotSupported
	codeSave
	codeRestore
)

// entitlement is what the program must be signed with.
const entitlement = "com.apple.security.virtualization"

// A failure is an error of the framework.
type failure struct {
	domain string
	code   int
	text   string
}

// Error implements error.
func (f *failure) Error() string {
	if f.domain == domainFramework && f.text != "" {
		return f.text
	}
	return fmt.Sprintf("%s (%s %d)", f.text, f.domain, f.code)
}

// Is gives an error of the system its number.
func (f *failure) Is(target error) bool {
	return f.domain == domainPOSIX && target == syscall.Errno(f.code)
}

// classes of the failures that callers can act on.
var classes = map[int]error{
	codeConfiguration: vzcontract.ErrValidation,
	codeState:         vzcontract.ErrConflict,
	codeTransition:    vzcontract.ErrConflict,
	codeDiskImage:     vzcontract.ErrValidation,
	codeLimit:         vzcontract.ErrUnavailable,
	codeDiskSpace:     vzcontract.ErrUnavailable,
	codeNetwork:       vzcontract.ErrUnavailable,
	codeNotSupported:  vzcontract.ErrUnsupported,
	codeRestore:       vzcontract.ErrConflict,
}

// remedies say what to do about some.
var remedies = map[int]string{
	codeLimit:   "at most two macOS guests run at once, and the place of one that shut itself down may stay taken for a while: stop one, or wait",
	codeRestore: "only the Mac and user that saved a machine can restore it, with the configuration that it had: boot it instead",
}

// explain gives an error of the framework its class and says what to do about it.
func explain(doing string, err error) error {
	var f *failure
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &f):
		return fmt.Errorf("%s: %w", doing, err)
	case strings.Contains(f.text, entitlement):
		return vzcontract.Errorf(vzcontract.ErrDenied, "%s: this program is not signed with the entitlement %s: sign it with vz vm self-sign: %w", doing, entitlement, err)
	case f.domain != domainFramework:
		return fmt.Errorf("%s: %w", doing, err)
	}
	class, known := classes[f.code]
	if !known {
		class = vzcontract.ErrInternal
	}
	if remedy := remedies[f.code]; remedy != "" {
		return vzcontract.Errorf(class, "%s: %w; %s", doing, err, remedy)
	}
	return vzcontract.Errorf(class, "%s: %w", doing, err)
}
