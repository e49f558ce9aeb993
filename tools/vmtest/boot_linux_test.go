package vmtest

import (
	"context"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcore"
	"vz.internal/vzlinux"
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

// TestBootTogether boots more guests at once than the host has processors: each then
// loses its processors to the others again and again, in the middle of whatever a
// kernel measures or waits for.
func TestBootTogether(t *testing.T) { each(t, testBootTogether) }

func testBootTogether(t *testing.T, arch string) {
	all := make([]*Guest, max(4, 2*runtime.NumCPU()))
	for n := range all {
		all[n] = New(t, arch, Config(t, arch))
	}
	ctx, cancel := context.WithTimeout(t.Context(), BootTime)
	defer cancel()
	begin := time.Now()
	errs := make(chan error, len(all))
	for _, g := range all {
		go func() {
			err := g.VM.Start(ctx)
			if err == nil {
				err = g.connect(ctx)
			}
			errs <- err
		}()
	}
	for range all {
		require.NoError(t, <-errs)
	}
	t.Logf("%d guests ready after %v", len(all), time.Since(begin).Round(time.Millisecond))
	for _, g := range all {
		require.NoError(t, g.Agent.Ping(t.Context()))
	}
}

// TestPause pauses a machine in the middle of a program's work: the program and its
// streams go on after it.
func TestPause(t *testing.T) { each(t, testPause) }

func testPause(t *testing.T, arch string) {
	g := Start(t, arch, Config(t, arch))
	g.Install(t, arch)
	in, input := io.Pipe()
	output, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := g.Agent.Run(t.Context(), vzlinux.Command{Args: helper("cat"), Stdin: in, Stdout: out})
		ended <- err
	}()
	for _, said := range []string{"before", "after one pause", "after another"} {
		_, err := io.WriteString(input, said)
		require.NoError(t, err)
		got := make([]byte, len(said))
		_, err = io.ReadFull(output, got)
		require.NoError(t, err)
		require.Equal(t, said, string(got))
		require.NoError(t, g.Pause(t.Context()))
		require.NoError(t, g.Resume(t.Context()))
	}
	require.NoError(t, input.Close())
	require.NoError(t, <-ended)
	require.NoError(t, g.Agent.Ping(t.Context()))
}
