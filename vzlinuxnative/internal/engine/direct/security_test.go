//go:build linux

package direct

import (
	"testing"

	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/engine/libct"
	"vz.internal/vzlinuxnative/internal/engine/securitytest"
	"vz.internal/vzlinuxnative/internal/testreq"
)

func TestSecurity(t *testing.T) {
	testreq.Root(t)
	securitytest.Run(t, func(*testing.T) engine.Engine { return New(libct.New()) }, "")
}
