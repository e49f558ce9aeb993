package vmtest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcore"
)

// TestBoot boots a guest of each architecture, talks with it and shuts it down.
func TestBoot(t *testing.T) { each(t, testBoot) }

func testBoot(t *testing.T, arch string) {
	cfg := Config(t, arch)
	begin := time.Now()
	g := Start(t, arch, cfg)
	t.Logf("agent ready after %v", time.Since(begin).Round(time.Millisecond))
	info, err := g.Agent.Info(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, info.CPUs)
	require.Equal(t, "vz", info.Hostname)
	require.NotEmpty(t, info.BootID)
	stats, err := g.Agent.Stats(t.Context())
	require.NoError(t, err)
	require.Greater(t, stats.Memory.Total, uint64(400<<20))
	t.Logf("uptime %v, agent %d KiB, guest uses %d KiB", info.Uptime, stats.Agent>>10, (stats.Memory.Total-stats.Memory.Available)>>10)
	require.NoError(t, g.Agent.Shutdown(t.Context()))
	ctx, cancel := context.WithTimeout(t.Context(), BootTime)
	defer cancel()
	require.NoError(t, g.Wait(ctx))
	state, reason := g.State()
	require.Equal(t, vzcore.Stopped, state)
	require.NoError(t, reason)
}
