package vmtest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzcore/config"
	"vz.internal/vzoci/vmbackend"
	"vz.internal/vzoci/vmbackend/owner"
)

// TestWarmContainers starts containers from one snapshot at the same time. None boots,
// each has a disk of its own, and they draw different random numbers and boot ids.
func TestWarmContainers(t *testing.T) {
	const arch = "x86_64"
	opts := containerOptions(t, arch, time.Second)
	begin := time.Now()
	require.NoError(t, owner.Warm(t.Context(), owner.Template{
		Home: opts.Home, Driver: Driver(t, arch), Arch: arch, Bundle: opts.Bundle, CPUs: 2, Memory: 512 * config.MiB, Fresh: true,
	}))
	t.Logf("made the snapshot in %v", time.Since(begin).Round(time.Millisecond))
	b, err := vmbackend.Open(opts)
	require.NoError(t, err)
	root := conformance.BusyboxRoot(t, busybox)
	outs := make([]bytes.Buffer, 3)
	var all sync.WaitGroup
	for i := range outs {
		all.Go(func() {
			begin := time.Now()
			err := runOne(t, b, root, &outs[i])
			t.Logf("ran after %v", time.Since(begin).Round(time.Millisecond))
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	consoles, err := filepath.Glob(filepath.Join(opts.Home, "guests", "*", "console.log"))
	require.NoError(t, err)
	require.Len(t, consoles, len(outs))
	for _, path := range consoles {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NotContains(t, string(text), "msg=ready", "the guest has booted")
	}
	seen := map[string]bool{}
	for i := range outs {
		lines := strings.Fields(outs[i].String())
		require.Len(t, lines, 3, outs[i].String())
		require.Equal(t, "1", lines[2], "files of another container")
		for _, one := range lines[:2] {
			require.False(t, seen[one], "%s is there twice", one)
			seen[one] = true
		}
	}
	list, err := b.List(t.Context())
	require.NoError(t, err)
	for _, c := range list {
		require.NoError(t, b.Remove(t.Context(), c.ID, vzcontract.RemoveOptions{Force: true}))
	}
}

// runOne runs a container that tells the guest's boot id, random bytes, and how many
// files are where it has written one.
func runOne(t *testing.T, b *vmbackend.Backend, root string, out *bytes.Buffer) error {
	const script = "cat /proc/sys/kernel/random/boot_id; head -c 16 /dev/urandom | base64; mkdir -p /own; echo x >/own/$$; ls /own | wc -l"
	info, err := b.Create(t.Context(), vzcontract.RunConfig{Rootfs: root, Args: []string{"sh", "-c", script}, NetworkMode: "none"})
	if err != nil {
		return err
	}
	a, err := b.Start(t.Context(), info.ID, vzcontract.StartOptions{Attach: &vzcontract.AttachOptions{Stdio: vzcontract.Stdio{Out: out}}})
	if err != nil {
		return err
	}
	_, err = a.Wait(t.Context())
	return err
}
