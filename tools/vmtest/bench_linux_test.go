package vmtest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcore/config"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// BenchmarkBoot is from the start of QEMU to an agent that answers.
func BenchmarkBoot(b *testing.B) {
	for _, arch := range arches(b) {
		b.Run(arch, func(b *testing.B) {
			cfg := Config(b, arch)
			for b.Loop() {
				g := Start(b, arch, cfg)
				b.StopTimer()
				_ = g.Agent.Close()
				require.NoError(b, g.Stop(b.Context()))
				b.StartTimer()
			}
		})
	}
}

func BenchmarkChannel(b *testing.B) {
	g := Start(b, "x86_64", Config(b, "x86_64"))
	g.Install(b, "x86_64")
	b.Run("ping", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, g.Agent.Ping(b.Context()))
		}
	})
	b.Run("exec", func(b *testing.B) {
		for b.Loop() {
			_, err := g.Agent.Run(b.Context(), vzlinux.Command{Args: helper("exit", "0")})
			require.NoError(b, err)
		}
	})
	// A file is written to and read from the guest's memory: the channel with
	// one copy in the guest.
	content := make([]byte, 64<<20)
	b.Run("host to guest", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			require.NoError(b, g.Agent.WriteFile(b.Context(), bytes.NewReader(content), agentproto.FileWriteRequest{Path: "/dev/shm/f", Mode: 0o600}))
		}
	})
	b.Run("guest to host", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			require.NoError(b, g.Agent.ReadFile(b.Context(), io.Discard, agentproto.FileRequest{Path: "/dev/shm/f"}))
		}
	})
	b.Run("discard", func(b *testing.B) {
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			_, err := g.Agent.Run(b.Context(), vzlinux.Command{Args: helper("discard"), Stdin: bytes.NewReader(content)})
			require.NoError(b, err)
		}
	})
}

// BenchmarkVirtiofs reads a file of the host that the guest has not seen yet.
func BenchmarkVirtiofs(b *testing.B) {
	cfg := Config(b, "x86_64")
	s := config.Share{Tag: "s", Source: b.TempDir()}
	cfg.Shares = []config.Share{s}
	g := Start(b, "x86_64", cfg)
	g.Install(b, "x86_64")
	require.NoError(b, g.Agent.Call(b.Context(), agentproto.MethodMount, agentproto.MountRequest{Kind: "virtiofs", Tag: "s", Path: "/mnt"}, nil))
	const size = 64 << 20
	b.SetBytes(size)
	n := 0
	for b.Loop() {
		b.StopTimer()
		n++
		name := strconv.Itoa(n)
		require.NoError(b, os.WriteFile(filepath.Join(s.Source, name), make([]byte, size), 0o644))
		b.StartTimer()
		_, out := g.run(b, vzlinux.Command{Args: helper("sum", "/mnt/"+name)})
		require.True(b, strings.HasPrefix(out, strconv.Itoa(size)), out)
	}
}
