//go:build !linux

package unpack

import (
	"context"
	"io"
	"runtime"

	"vz.internal/vzcontract"
)

func apply(context.Context, string, io.Reader, Options) (Result, error) {
	return Result{}, unsupported()
}

func inheritRoot(string, string) error { return unsupported() }

func unsupported() error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "unpack layers for overlayfs on %s: only Linux has it", runtime.GOOS)
}
