//go:build linux

package vzlinuxnative_test

import (
	"bytes"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzlinuxnative"
	"vz.internal/vzlinuxnative/internal/testreq"
)

// store is an image store with one image, that counts leases.
type store struct {
	layers []string
	config vzcontract.ImageConfig

	mu     sync.Mutex
	leases map[string]bool // guarded by mu
}

func (s *store) RootFS(_ context.Context, req vzcontract.RootFSRequest) (vzcontract.RootFS, error) {
	if req.Ref != "box" {
		return vzcontract.RootFS{}, vzcontract.Errorf(vzcontract.ErrNotFound, "no image %s", req.Ref)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leases[req.Owner] = true
	return vzcontract.RootFS{Image: vzcontract.ImageInfo{ID: "sha256:box", Config: s.config}, Layers: s.layers}, nil
}

func (s *store) ReleaseRootFS(_ context.Context, owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.leases, owner)
	return nil
}

func (s *store) owners() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.leases))
}

// withImage returns a backend with an image of two layers.
func withImage(t *testing.T) (*vzlinuxnative.Backend, *store) {
	t.Helper()
	testreq.Root(t)
	top := t.TempDir()
	require.NoError(t, os.Chmod(top, 0o755))
	for name, text := range map[string]string{"srv/seed": "seed\n", "etc/motd": "top\n"} {
		require.NoError(t, os.MkdirAll(filepath.Join(top, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(top, name), []byte(text), 0o644))
	}
	s := &store{
		layers: []string{top, conformance.BusyboxRoot(t, busybox(t))}, leases: map[string]bool{},
		config: vzcontract.ImageConfig{
			Entrypoint: []string{"sh", "-c"}, Cmd: []string{"echo default"}, Env: []string{"A=image", "B=image"},
			WorkingDir: "/srv", User: "app", Volumes: []string{"/srv"}, StopSignal: "SIGINT", Labels: map[string]string{"k": "image"},
		},
	}
	self, err := os.Executable()
	require.NoError(t, err)
	b, err := vzlinuxnative.Open(vzlinuxnative.Options{
		Home: t.TempDir(), Run: t.TempDir(), Images: s, Monitor: []string{self, "internal", "monitor"},
	})
	require.NoError(t, err)
	return b, s
}

// outputOf runs a container to its end.
func outputOf(t *testing.T, b *vzlinuxnative.Backend, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, string) {
	t.Helper()
	cfg.NetworkMode = "none"
	info, err := b.Create(t.Context(), cfg)
	require.NoError(t, err)
	var out, errs bytes.Buffer
	a, err := b.Start(t.Context(), info.ID, vzcontract.StartOptions{Attach: &vzcontract.AttachOptions{Stdio: vzcontract.Stdio{Out: &out, Err: &errs}}})
	require.NoError(t, err)
	exit, err := a.Wait(t.Context())
	require.NoError(t, err)
	require.Zero(t, exit.Code, "stderr %q", errs.String())
	require.NoError(t, a.Close())
	return info, out.String()
}

func TestImage(t *testing.T) {
	b, s := withImage(t)
	remove := vzcontract.RemoveOptions{Volumes: true}

	info, out := outputOf(t, b, vzcontract.RunConfig{Image: "box"})
	require.Equal(t, "default\n", out)
	require.Equal(t, []string{info.ID}, s.owners())
	require.Equal(t, "sha256:box", info.ImageID)
	require.Equal(t, "SIGINT", info.Config.StopSignal)
	require.Equal(t, map[string]string{"k": "image"}, info.Labels)
	require.Len(t, info.Mounts, 1)
	require.True(t, info.Mounts[0].Anonymous)
	volumes, err := b.ListVolumes(t.Context())
	require.NoError(t, err)
	require.Len(t, volumes, 1)
	require.NoError(t, b.Remove(t.Context(), info.ID, remove))
	require.Empty(t, s.owners())
	volumes, err = b.ListVolumes(t.Context())
	require.NoError(t, err)
	require.Empty(t, volumes)

	// The image's volume has the image's files; both layers are there.
	info, out = outputOf(t, b, vzcontract.RunConfig{
		Image: "box", Env: []string{"B=run"}, Args: []string{"pwd; cat seed /etc/motd; id -un; echo $A $B; head -n 1 /etc/passwd"},
	})
	require.Equal(t, "/srv\nseed\ntop\napp\nimage run\nroot:x:0:0:root:/root:/bin/sh\n", out)
	require.NoError(t, b.Remove(t.Context(), info.ID, remove))

	// A mount of the same image, and a path inside it.
	info, out = outputOf(t, b, vzcontract.RunConfig{
		Image: "box", Entrypoint: []string{"sh", "-c", "cat /mnt/etc/motd /sub/motd; touch /mnt/x 2>/dev/null || echo read-only"}, User: "0",
		Mounts: []vzcontract.Mount{
			{Type: vzcontract.MountImage, Source: "box", Target: "/mnt"},
			{Type: vzcontract.MountImage, Source: "box", Target: "/sub", Subpath: "etc"},
		},
	})
	require.Equal(t, "top\ntop\nread-only\n", out)
	require.Len(t, s.owners(), 3)
	require.NoError(t, b.Remove(t.Context(), info.ID, remove))
	require.Empty(t, s.owners())
}

func TestLeasesOfFailures(t *testing.T) {
	b, s := withImage(t)
	for _, cfg := range []vzcontract.RunConfig{
		{Image: "none"},
		{Image: "box", Security: vzcontract.SecurityConfig{CapAdd: []string{"NOPE"}}},
		{Image: "box", Mounts: []vzcontract.Mount{
			{Type: vzcontract.MountImage, Source: "box", Target: "/a"}, {Type: vzcontract.MountImage, Source: "none", Target: "/b"},
		}},
		{Image: "box", VolumesFrom: []string{"nobody"}},
	} {
		_, err := b.Create(t.Context(), cfg)
		require.Error(t, err)
		require.Empty(t, s.owners(), "%+v", cfg)
	}
	list, err := b.ListVolumes(t.Context())
	require.NoError(t, err)
	require.Empty(t, list)
}

// TestAutoRemovedImage: the monitor cannot end a lease, so the next who has to
// do with images does.
func TestAutoRemovedImage(t *testing.T) {
	b, s := withImage(t)
	info, _ := outputOf(t, b, vzcontract.RunConfig{Image: "box", AutoRemove: true})
	_, err := b.Wait(t.Context(), info.ID, vzcontract.WaitRemoved)
	if err != nil {
		require.ErrorIs(t, err, vzcontract.ErrNotFound)
	}
	_, err = b.Repair(t.Context())
	require.NoError(t, err)
	require.Empty(t, s.owners())
	volumes, err := b.ListVolumes(t.Context())
	require.NoError(t, err)
	require.Empty(t, volumes)
}
