package vzf

import (
	"errors"
	"fmt"

	"github.com/Code-Hex/vz/v3"

	"vz.internal/vzcontract"
)

// The library's numbers are ours: a difference is no constant index of these.
var (
	_ = [1]int{}[codeInternal-int(vz.ErrorInternal)]
	_ = [1]int{}[codeConfiguration-int(vz.ErrorInvalidVirtualMachineConfiguration)]
	_ = [1]int{}[codeState-int(vz.ErrorInvalidVirtualMachineState)]
	_ = [1]int{}[codeTransition-int(vz.ErrorInvalidVirtualMachineStateTransition)]
	_ = [1]int{}[codeDiskImage-int(vz.ErrorInvalidDiskImage)]
	_ = [1]int{}[codeLimit-int(vz.ErrorVirtualMachineLimitExceeded)]
	_ = [1]int{}[codeNetwork-int(vz.ErrorNetworkError)]
	_ = [1]int{}[codeDiskSpace-int(vz.ErrorOutOfDiskSpace)]
	_ = [1]int{}[codeCancelled-int(vz.ErrorOperationCancelled)]
	_ = [1]int{}[codeNotSupported-int(vz.ErrorNotSupported)]
	_ = [1]int{}[codeSave-int(vz.ErrorSave)]
	_ = [1]int{}[codeRestore-int(vz.ErrorRestore)]
)

// translateError makes a failure of the framework's error.
func translateError(err error) error {
	var e *vz.NSError
	switch {
	case errors.As(err, &e):
		return &failure{domain: e.Domain, code: e.Code, text: e.LocalizedDescription}
	case errors.Is(err, vz.ErrUnsupportedOSVersion), errors.Is(err, vz.ErrBuildTargetOSVersion):
		return fmt.Errorf("%w: %w", vzcontract.ErrUnsupported, err)
	}
	return err
}
