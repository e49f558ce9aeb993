//go:build linux

package vzlinuxnative_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzlinuxnative/internal/testreq"
)

// TestDamagedRecord: a container whose record cannot be read is told from the
// others, and removed with its processes by force or by a repair.
func TestDamagedRecord(t *testing.T) {
	testreq.Root(t)
	root := conformance.BusyboxRoot(t, busybox(t))
	always := vzcontract.RestartPolicy{Mode: vzcontract.RestartAlways}
	for what, damage := range map[string]func(file string) error{
		"empty":   func(file string) error { return os.WriteFile(file, nil, 0o600) },
		"junk":    func(file string) error { return os.WriteFile(file, []byte("\x1b[31m\x00junk"), 0o600) },
		"folder":  func(file string) error { return os.Mkdir(file, 0o700) },
		"pipe":    func(file string) error { return unix.Mkfifo(file, 0o600) },
		"link":    func(file string) error { return os.Symlink("/dev/null", file) },
		"version": func(file string) error { return os.WriteFile(file, []byte(`{"id":"other","state":"weird"}`), 0o600) },
	} {
		for _, name := range []string{"config.json", "state.json"} {
			for _, by := range []string{"rm", "repair"} {
				t.Run(what+"/"+name+"/"+by, func(t *testing.T) {
					h := newHome(t)
					before := leftovers(t, h)
					ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
					defer cancel()
					b := h.open(t)
					c, err := b.Create(ctx, vzcontract.RunConfig{Name: "hurt", Rootfs: root, Args: []string{"sleep", "1000"}, NetworkMode: "none", Restart: always})
					require.NoError(t, err)
					_, err = b.Create(ctx, vzcontract.RunConfig{Name: "well", Rootfs: root, Args: []string{"true"}, NetworkMode: "none"})
					require.NoError(t, err)
					_, err = b.Start(ctx, "hurt", vzcontract.StartOptions{})
					require.NoError(t, err)
					file := filepath.Join(h.dir, "containers", c.ID, name)
					require.NoError(t, os.Remove(file))
					require.NoError(t, damage(file))

					list, err := b.List(ctx)
					require.NoError(t, err)
					require.Len(t, list, 1, "the other one")
					found, err := b.Verify(ctx)
					require.NoError(t, err)
					require.Contains(t, found[0], file)
					if by == "rm" {
						require.ErrorContains(t, b.Remove(ctx, "hurt", vzcontract.RemoveOptions{}), file)
						require.NoError(t, b.Remove(ctx, "hurt", vzcontract.RemoveOptions{Force: true}))
					} else {
						_, err := b.Repair(ctx)
						require.NoError(t, err)
					}
					require.EventuallyWithT(t, func(collect *assert.CollectT) {
						assert.Empty(collect, processesOf(t, c.ID))
					}, 10*time.Second, 10*time.Millisecond)
					found, err = b.Verify(ctx)
					require.NoError(t, err)
					require.Empty(t, found)
					_, err = b.Create(ctx, vzcontract.RunConfig{Name: "hurt", Rootfs: root, Args: []string{"true"}, NetworkMode: "none"})
					require.NoError(t, err, "the name is free")
					for _, name := range []string{"hurt", "well"} {
						require.NoError(t, b.Remove(ctx, name, vzcontract.RemoveOptions{}))
					}
					require.NoError(t, os.RemoveAll(filepath.Join(h.dir, "damaged")))
					require.EventuallyWithT(t, func(c *assert.CollectT) {
						assert.Equal(c, before, leftovers(t, h))
					}, 10*time.Second, 10*time.Millisecond)
				})
			}
		}
	}
}
