//go:build !linux

package network

import (
	"context"
	"runtime"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

func unsupported() error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "network set-up in a guest with %s, which does its own", runtime.GOOS)
}

// Up is not done outside of Linux.
func Up(context.Context, agentproto.NetworkRequest) error { return unsupported() }

// Down is not done outside of Linux.
func Down(agentproto.NetworkRequest) error { return unsupported() }

// Loopback is not done outside of Linux.
func Loopback() error { return unsupported() }

// Everybody is not done outside of Linux.
func Everybody() error { return unsupported() }
