//go:build linux

package libct

import (
	"testing"

	"github.com/opencontainers/runc/libcontainer/seccomp"

	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/engine/enginetest"
	"vz.internal/vzlinuxnative/internal/testreq"
)

func TestEngine(t *testing.T) {
	testreq.Root(t)
	if !seccomp.Enabled {
		t.Skip("needs libseccomp: build with -tags seccomp")
	}
	enginetest.Run(t, func(*testing.T) engine.Engine { return New() })
}
