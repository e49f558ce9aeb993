//go:build linux

package libct

import (
	"testing"

	"github.com/opencontainers/runc/libcontainer/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
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

// TestFewDescriptors: the init makes the container under the program's limit.
// Where that is too low, the error says so.
func TestFewDescriptors(t *testing.T) {
	testreq.Root(t)
	if !seccomp.Enabled {
		t.Skip("needs libseccomp: build with -tags seccomp")
	}
	spec := enginetest.Spec(enginetest.Root(t), "true")
	spec.Linux.CgroupsPath = "/vztest/few"
	spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 4, Hard: 5}}
	_, err := New().Create(t.Context(), engine.CreateRequest{ID: "few", StateDir: t.TempDir(), Spec: spec})
	require.ErrorIs(t, err, vzcontract.ErrValidation)
	require.ErrorContains(t, err, "ulimit nofile")
}
