//go:build linux

package libct

import (
	"testing"

	"github.com/opencontainers/runc/libcontainer/seccomp"

	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/engine/securitytest"
	"vz.internal/vzlinuxnative/internal/testreq"
)

func TestSecurity(t *testing.T) {
	testreq.Root(t)
	noSeccomp := ""
	if !seccomp.Enabled {
		noSeccomp = "needs libseccomp: build with -tags seccomp"
	}
	securitytest.Run(t, func(*testing.T) engine.Engine { return New() }, noSeccomp)
}
