package vmtest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcore/config"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// eachBench runs a benchmark once for each architecture of guests.
func eachBench(b *testing.B, bench func(b *testing.B, arch string)) {
	for _, arch := range arches(b) {
		b.Run(arch, func(b *testing.B) { bench(b, arch) })
	}
}

// measure does something often, with after untimed in between, and reports the median
// and the best: others may keep the machine busy. That is in milliseconds or, where
// size bytes are moved, in megabytes a second.
func measure(b *testing.B, size int, do, after func()) {
	b.Helper()
	var took []time.Duration
	for b.Loop() {
		begin := time.Now()
		do()
		took = append(took, time.Since(begin))
		if after != nil {
			b.StopTimer()
			after()
			b.StartTimer()
		}
	}
	slices.Sort(took)
	median, least := took[len(took)/2], took[0]
	if size > 0 {
		b.ReportMetric(float64(size)/1e6/median.Seconds(), "median-MB/s")
		b.ReportMetric(float64(size)/1e6/least.Seconds(), "best-MB/s")
		return
	}
	b.ReportMetric(float64(median.Microseconds())/1e3, "median-ms")
	b.ReportMetric(float64(least.Microseconds())/1e3, "min-ms")
}

// BenchmarkBoot is from the start of QEMU to an agent that answers.
func BenchmarkBoot(b *testing.B) {
	eachBench(b, func(b *testing.B, arch string) {
		cfg := Config(b, arch)
		var last *Guest
		measure(b, 0, func() { last = Start(b, arch, cfg) }, func() {
			_ = last.Agent.Close()
			require.NoError(b, last.Stop(b.Context()))
		})
	})
}

func BenchmarkChannel(b *testing.B) { eachBench(b, benchmarkChannel) }

func benchmarkChannel(b *testing.B, arch string) {
	g := Start(b, arch, Config(b, arch))
	g.Install(b, arch)
	b.Run("ping", func(b *testing.B) {
		measure(b, 0, func() { require.NoError(b, g.Agent.Ping(b.Context())) }, nil)
	})
	b.Run("byte", func(b *testing.B) { benchmarkByte(b, g) })
	run := func(b *testing.B, c vzlinux.Command) {
		status, err := g.Agent.Run(b.Context(), c)
		require.NoError(b, err)
		require.Zero(b, status.Code)
	}
	b.Run("exec", func(b *testing.B) {
		measure(b, 0, func() { run(b, vzlinux.Command{Args: helper("exit", "0")}) }, nil)
	})
	// A file is written to and read from the guest's memory: the channel with one
	// copy in the guest.
	content := make([]byte, 64<<20)
	b.Run("host to guest", func(b *testing.B) {
		measure(b, len(content), func() {
			require.NoError(b, g.Agent.WriteFile(b.Context(), bytes.NewReader(content), agentproto.FileWriteRequest{Path: "/dev/shm/f", Mode: 0o600}))
		}, nil)
	})
	b.Run("guest to host", func(b *testing.B) {
		measure(b, len(content), func() {
			require.NoError(b, g.Agent.ReadFile(b.Context(), io.Discard, agentproto.FileRequest{Path: "/dev/shm/f"}))
		}, nil)
	})
	b.Run("stdin", func(b *testing.B) {
		measure(b, len(content), func() { run(b, vzlinux.Command{Args: helper("discard"), Stdin: bytes.NewReader(content)}) }, nil)
	})
}

// benchmarkByte is a byte to a program of the guest and back, without the agent.
func benchmarkByte(b *testing.B, g *Guest) {
	const port = 9
	listening, program := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := g.Agent.Run(b.Context(), vzlinux.Command{Args: helper("echo", strconv.Itoa(port)), Stdout: program})
		done <- err
	}()
	_, err := io.ReadFull(listening, make([]byte, len("listening\n")))
	require.NoError(b, err)
	conn, err := g.Dial(b.Context(), port)
	require.NoError(b, err)
	one := []byte{1}
	measure(b, 0, func() {
		_, err := conn.Write(one)
		require.NoError(b, err)
		_, err = io.ReadFull(conn, one)
		require.NoError(b, err)
	}, nil)
	require.NoError(b, conn.Close())
	require.NoError(b, <-done)
}

// BenchmarkVirtiofs reads files of the host that the guest has not seen yet.
func BenchmarkVirtiofs(b *testing.B) { eachBench(b, benchmarkVirtiofs) }

func benchmarkVirtiofs(b *testing.B, arch string) {
	cfg := Config(b, arch)
	s := config.Share{Tag: "s", Source: b.TempDir()}
	cfg.Shares = []config.Share{s}
	g := Start(b, arch, cfg)
	g.Install(b, arch)
	require.NoError(b, g.Agent.Call(b.Context(), agentproto.MethodMount, agentproto.MountRequest{Kind: "virtiofs", Tag: "s", Path: "/mnt"}, nil))
	const size = 64 << 20
	name := ""
	next := func() {
		if name != "" {
			require.NoError(b, os.Remove(name))
		}
		name = filepath.Join(s.Source, strconv.Itoa(int(time.Now().UnixNano())))
		require.NoError(b, os.WriteFile(name, make([]byte, size), 0o644))
	}
	next()
	measure(b, size, func() {
		_, out := g.run(b, vzlinux.Command{Args: helper("sum", "/mnt/"+filepath.Base(name))})
		require.True(b, strings.HasPrefix(out, strconv.Itoa(size)), out)
	}, next)
}

// BenchmarkIdle is what a machine that has booted and does nothing costs the host,
// with a share and a network: the pages that the guest has touched, and all else of
// QEMU and virtiofsd.
func BenchmarkIdle(b *testing.B) { eachBench(b, benchmarkIdle) }

func benchmarkIdle(b *testing.B, arch string) {
	cfg := Config(b, arch)
	cfg.Shares = []config.Share{{Tag: "s", Source: b.TempDir()}}
	cfg.Network = config.Network{Kind: config.NetworkUser, MAC: config.RandomMAC()}
	before := children(b)
	Start(b, arch, cfg)
	var guest, rest float64
	for b.Loop() {
		guest, rest = 0, 0
		for pid := range children(b) {
			if !before[pid] {
				inGuest, others := memory(b, pid)
				guest, rest = max(guest, inGuest), rest+others
			}
		}
	}
	b.ReportMetric(guest, "guest-MB")
	b.ReportMetric(rest, "other-MB")
	b.ReportMetric(0, "ns/op")
}
