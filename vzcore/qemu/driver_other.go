//go:build !linux

package qemu

import (
	"context"
	"runtime"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
)

// A Driver is Linux's. There is none on other systems.
type Driver struct{}

func unsupported() error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "the qemu driver on %s", runtime.GOOS)
}

// New fails with an error that matches vzcontract.ErrUnsupported.
func New(Options) (*Driver, error) { return nil, unsupported() }

// Name implements vzcore.Driver.
func (*Driver) Name() string { return "qemu" }

// Version implements vzcore.Driver.
func (*Driver) Version(context.Context) (string, error) { return "", unsupported() }

// Open implements vzcore.Driver.
func (*Driver) Open(config.Config, string) (vzcore.Machine, error) { return nil, unsupported() }

// Probe tells whether KVM works and if not, why.
func (*Driver) Probe(context.Context, config.Config) (works bool, reason string, err error) {
	return false, "", unsupported()
}

// Virtiofsd returns the path of the program that serves shares.
func Virtiofsd() (string, error) { return "", unsupported() }
