//go:build !(darwin && arm64)

package vzf

import (
	"runtime"

	"vz.internal/vzcontract"
)

func virtualization() (framework, error) {
	return nil, vzcontract.Errorf(vzcontract.ErrUnsupported,
		"the vzf driver on %s/%s: it needs Virtualization.framework, which is that of macOS %d or newer on Apple Silicon", runtime.GOOS, runtime.GOARCH, minRelease)
}
