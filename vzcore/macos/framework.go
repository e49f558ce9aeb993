package macos

import (
	"context"
	"runtime"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

// A Framework is Virtualization.framework, as far as a new guest needs it. Its calls may
// take minutes; one that does not heed ctx goes on by itself.
type Framework interface {
	// Latest returns the address of the newest restore image that Apple offers for this
	// Mac (VZMacOSRestoreImage.fetchLatestSupported).
	Latest(ctx context.Context) (url string, err error)
	// Requirements returns what a guest of the restore image at path needs
	// (mostFeaturefulSupportedConfiguration); an error that matches
	// vzcontract.ErrUnsupported says that this Mac cannot run it.
	Requirements(ctx context.Context, path string) (Requirements, error)
	// Identify makes the auxiliary storage of a new machine of that model at path, and
	// returns the machine's id (VZMacAuxiliaryStorage, VZMacMachineIdentifier).
	Identify(ctx context.Context, hardwareModel []byte, path string) (machineID []byte, err error)
	// Install installs the restore image at path on the machine (VZMacOSInstaller).
	// progress gets 0 to 1, from any goroutine.
	Install(ctx context.Context, machine config.Config, path string, progress func(float64)) error
}

// Requirements are those of a guest.
type Requirements struct {
	HardwareModel []byte `json:"hardware_model"`
	MinCPUs       int    `json:"min_cpus"`
	MinMemory     uint64 `json:"min_memory"` // bytes
}

// Absent returns the error of a system that is no Mac, which matches
// vzcontract.ErrUnsupported. What is done with it is in the message.
func Absent(what string) error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: it needs Virtualization.framework, of a Mac with Apple Silicon and macOS %d; on %s vz runs Linux guests (vz vm init --linux)", what, MinMacOS, runtime.GOOS)
}
