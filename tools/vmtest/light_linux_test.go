package vmtest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/container"
)

// TestLight boots a guest whose agent runs no containers, and says so.
func TestLight(t *testing.T) { each(t, testLight) }

func testLight(t *testing.T, arch string) {
	sizes := map[bool]int64{true: 3_000_000, false: 8_000_000}
	for light, most := range sizes {
		info, err := os.Stat(flavour{arch, light}.bundle(t).Initramfs())
		require.NoError(t, err)
		require.Less(t, info.Size(), most, "the initramfs (light: %v)", light)
		t.Logf("initramfs of %d bytes (light: %v)", info.Size(), light)
	}
	cfg := Config(t, arch)
	cfg.Boot.Initramfs = flavour{arch, true}.bundle(t).Initramfs()
	g := Start(t, arch, cfg)
	g.Install(t, arch)
	require.NotContains(t, g.Agent.Hello().Capabilities, agentproto.CapabilityContainers)
	status, err := g.Agent.Run(t.Context(), vzlinux.Command{Args: helper("exit", "7")})
	require.NoError(t, err)
	require.Equal(t, 7, status.Code)
	_, err = container.Ask(t.Context(), g.Agent)
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
}
