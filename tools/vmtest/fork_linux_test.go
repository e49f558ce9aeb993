package vmtest

import (
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcore/config"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// ticked reads what the helper's tick has counted.
func (g *Guest) ticked(t *testing.T) int {
	t.Helper()
	_, out := g.run(t, vzlinux.Command{Args: helper("read", "/run/ticks")})
	n, err := strconv.Atoi(out)
	require.NoError(t, err)
	return n
}

// TestFork restores three guests from one save at the same time. A program goes on in
// each, and they are not the same machine: address, machine id, boot id and random
// numbers differ, also those of a program that has drawn some before.
func TestFork(t *testing.T) {
	const arch = "x86_64"
	cfg := Config(t, arch)
	cfg.Memory = 256 * config.MiB
	cfg.Network.Kind, cfg.Network.MAC = config.NetworkUser, config.RandomMAC()
	g := Start(t, arch, cfg)
	g.Install(t, arch)
	_, err := g.Agent.Start(t.Context(), vzlinux.Command{Args: helper("tick", "/run/ticks"), Detach: true})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		status, _ := g.run(t, vzlinux.Command{Args: helper("read", "/run/ticks")})
		return status.Code == 0
	}, BootTime, 50*time.Millisecond)
	g.run(t, vzlinux.Command{Args: helper("random")})
	dir := filepath.Join(t.TempDir(), "saved")
	require.NoError(t, g.Agent.Call(t.Context(), agentproto.MethodFreeze, struct{}{}, nil))
	require.NoError(t, g.Save(t.Context(), dir, nil))
	require.NoError(t, g.Stop(t.Context()))

	forks := make([]*Guest, 3)
	for i := range forks {
		c := cfg.Clone()
		c.Network.MAC = config.RandomMAC()
		c.Console.Log = filepath.Join(t.TempDir(), "console.log")
		forks[i] = New(t, arch, c)
	}
	var all sync.WaitGroup
	for _, h := range forks {
		all.Go(func() {
			begin := time.Now()
			err := h.Restore(t.Context(), dir)
			if err == nil {
				err = h.Resume(t.Context())
			}
			t.Logf("restored after %v", time.Since(begin).Round(time.Millisecond))
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	seen := map[string]string{}
	differ := func(what, value string) {
		t.Helper()
		require.NotEmpty(t, value, what)
		require.NotContains(t, seen, what+value)
		seen[what+value] = what
	}
	for _, h := range forks {
		h.Connect(t)
		h.become(t)
		before := h.ticked(t)
		require.Eventually(t, func() bool { return h.ticked(t) > before }, BootTime, 20*time.Millisecond, "the program does not go on")
		info, err := h.Agent.Info(t.Context())
		require.NoError(t, err)
		require.Less(t, time.Since(info.Now).Abs(), 30*time.Second)
		differ("machine id", info.Machine)
		differ("boot id", info.BootID)
		_, mac := h.run(t, vzlinux.Command{Args: helper("read", "/sys/class/net/eth0/address")})
		require.Equal(t, h.Config().Network.MAC, strings.TrimSpace(mac))
		differ("address", mac)
		_, random := h.run(t, vzlinux.Command{Args: helper("random")})
		differ("random numbers", random)
		// Where programs are in memory is drawn from the kernel's generator too.
		_, maps := h.run(t, vzlinux.Command{Args: helper("read", "/proc/self/auxv")})
		differ("auxiliary vector", maps)
	}
}

// become makes the guest another one than that which was saved.
func (g *Guest) become(t *testing.T) {
	t.Helper()
	seed, id := make([]byte, 64), make([]byte, 16)
	_, _ = rand.Read(seed)
	_, _ = rand.Read(id)
	require.NoError(t, g.Agent.Call(t.Context(), agentproto.MethodThaw, agentproto.ThawRequest{
		Now: time.Now(), Entropy: seed, Machine: hex.EncodeToString(id),
	}, nil))
	subnet, gateway, address := g.Config().Network.User.Addresses()
	require.NoError(t, g.Agent.Call(t.Context(), agentproto.MethodNetworkUp, agentproto.NetworkRequest{
		Address: netip.PrefixFrom(address, subnet.Bits()), Gateway: gateway, MAC: g.Config().Network.MAC,
	}, nil))
}

// BenchmarkRestore is from the start of QEMU to an agent that answers, with the checks
// of what was saved.
func BenchmarkRestore(b *testing.B) {
	cfg := Config(b, "x86_64")
	g := Start(b, "x86_64", cfg)
	dir := filepath.Join(b.TempDir(), "saved")
	require.NoError(b, g.Agent.Call(b.Context(), agentproto.MethodFreeze, struct{}{}, nil))
	require.NoError(b, g.Save(b.Context(), dir, nil))
	require.NoError(b, g.Stop(b.Context()))
	for b.Loop() {
		h := New(b, "x86_64", cfg)
		require.NoError(b, h.Restore(b.Context(), dir))
		require.NoError(b, h.Resume(b.Context()))
		h.Connect(b)
		require.NoError(b, h.Agent.Ping(b.Context()))
		b.StopTimer()
		_ = h.Agent.Close()
		require.NoError(b, h.Stop(b.Context()))
		b.StartTimer()
	}
}
