//go:build linux

package vzlinuxnative_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzlinuxnative/internal/testreq"
)

// TestAtOnce: what several do to one container at the same moment succeeds or is
// refused, and nobody waits for the container's end.
func TestAtOnce(t *testing.T) {
	testreq.Root(t)
	root := conformance.BusyboxRoot(t, busybox(t))
	h := newHome(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "copied", Typeflag: tar.TypeReg, Mode: 0o600}))
	require.NoError(t, w.Close())
	none := time.Duration(0)
	start := func(b vzcontract.RuntimeBackend, name string) error {
		_, err := b.Start(ctx, name, vzcontract.StartOptions{})
		return err
	}
	remove := func(force bool) func(vzcontract.RuntimeBackend, string) error {
		return func(b vzcontract.RuntimeBackend, name string) error {
			return b.Remove(ctx, name, vzcontract.RemoveOptions{Force: force})
		}
	}
	copyIn := func(b vzcontract.RuntimeBackend, name string) error {
		return b.(vzcontract.Copier).CopyIn(ctx, name, "/tmp", bytes.NewReader(archive.Bytes()), vzcontract.CopyInOptions{})
	}
	stop := func(b vzcontract.RuntimeBackend, name string) error {
		return b.Stop(ctx, name, vzcontract.StopOptions{Grace: &none})
	}
	source := t.TempDir()
	mount := func(b vzcontract.RuntimeBackend, name string) error {
		return b.(vzcontract.Mounter).AddMount(ctx, name, project(source))
	}
	unmount := func(b vzcontract.RuntimeBackend, name string) error {
		return b.(vzcontract.Mounter).RemoveMount(ctx, name, "/added")
	}
	type step func(vzcontract.RuntimeBackend, string) error
	for what, steps := range map[string][]step{
		"starts":   {start, start, start},
		"removal":  {start, remove(false)},
		"copy":     {start, copyIn, copyIn},
		"removals": {start, remove(true), remove(true), remove(true)},
		"stops":    {start, stop, start, stop},
		"mounts":   {start, mount, mount, unmount, mount},
		"restarts": {start, mount, stop, unmount, start, mount},
	} {
		for i := range 5 {
			name := fmt.Sprintf("%s%d", what, i)
			_, err := h.open(t).Create(ctx, vzcontract.RunConfig{Name: name, Rootfs: root, Args: []string{"sleep", "1000"}, NetworkMode: "none"})
			require.NoError(t, err)
			results := make([]error, len(steps))
			var all sync.WaitGroup
			for j, do := range steps {
				b := h.open(t) // as a process of its own would
				all.Go(func() { results[j] = do(b, name) })
			}
			all.Wait()
			for _, err := range results {
				if err != nil && !errors.Is(err, vzcontract.ErrConflict) && !errors.Is(err, vzcontract.ErrNotFound) {
					t.Errorf("%s: %v", what, err)
				}
			}
			switch what {
			case "starts":
				require.NoError(t, errors.Join(results...))
			case "mounts", "restarts":
				require.NoError(t, start(h.open(t), name))
				info, err := h.open(t).Inspect(ctx, name)
				require.NoError(t, err)
				require.Len(t, mountLines(t, strconv.Itoa(info.PID), " /added "), len(info.Mounts), "%s: %v", what, results)
			case "removal":
				require.True(t, results[0] == nil != (results[1] == nil), "start and remove without force: %v", results)
			}
			err = h.open(t).Remove(ctx, name, vzcontract.RemoveOptions{Force: true})
			if !errors.Is(err, vzcontract.ErrNotFound) {
				require.NoError(t, err)
			}
		}
	}
	require.NoError(t, ctx.Err())
}
