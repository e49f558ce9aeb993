package vzstack

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/compose"
)

// files are the Compose files of testdata; an override belongs to another one.
func files(t *testing.T) []string {
	all, err := filepath.Glob("testdata/files/*.yaml")
	require.NoError(t, err)
	var names []string
	for _, name := range all {
		if !strings.HasSuffix(name, ".override.yaml") {
			names = append(names, name)
		}
	}
	require.GreaterOrEqual(t, len(names), 25)
	return names
}

// sourceOf names a file, its override and the environment all have.
func sourceOf(t *testing.T, name string) compose.Source {
	abs, err := filepath.Abs(name)
	require.NoError(t, err)
	src := compose.Source{Files: []string{abs}, Env: []string{
		"HOME=/home/me", "DB_PASSWORD=hush", "UID=" + strconv.Itoa(os.Getuid()), "GID=" + strconv.Itoa(os.Getgid()),
	}}
	override := strings.TrimSuffix(abs, ".yaml") + ".override.yaml"
	if _, err := os.Stat(override); err == nil {
		src.Files = append(src.Files, override)
	}
	return src
}

// outside makes what the files expect to find.
func (b *bench) outside() {
	ctx := b.t.Context()
	for _, name := range []string{"outside", "outside-old"} {
		_, err := b.backend.CreateNetwork(ctx, vzcontract.NetworkConfig{Name: name})
		require.NoError(b.t, err)
	}
	for _, name := range []string{"kept-data", "kept-old"} {
		_, err := b.backend.CreateVolume(ctx, vzcontract.VolumeConfig{Name: name})
		require.NoError(b.t, err)
	}
	_, err := b.backend.PullImage(ctx, "busybox", vzcontract.PullOptions{})
	require.NoError(b.t, err)
	require.NoError(b.t, b.secrets.Create("kept", strings.NewReader("from the store")))
	info, err := b.backend.Create(ctx, vzcontract.RunConfig{
		Image: "busybox", Args: []string{"mkdir", "/v/sub"},
		Mounts: []vzcontract.Mount{{Type: vzcontract.MountVolume, Source: "kept-data", Target: "/v"}},
	})
	require.NoError(b.t, err)
	_, err = b.backend.Start(ctx, info.ID, vzcontract.StartOptions{})
	require.NoError(b.t, err)
	_, err = b.backend.Wait(ctx, info.ID, vzcontract.WaitNotRunning)
	require.NoError(b.t, err)
	require.NoError(b.t, b.backend.Remove(ctx, info.ID, vzcontract.RemoveOptions{}))
}

// TestFiles brings every file up, up again and down.
func TestFiles(t *testing.T) {
	for _, name := range files(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.outside()
			p, err := compose.Load(t.Context(), sourceOf(t, name))
			require.NoError(t, err)
			result, err := b.Up(t.Context(), p, UpOptions{})
			require.NoError(t, err)
			require.NotEmpty(t, result.Containers)
			finished := map[string]bool{}
			for _, c := range result.Containers {
				running := c.State == vzcontract.StateRunning
				if !running {
					status, err := b.backend.Wait(t.Context(), c.ID, vzcontract.WaitNotRunning)
					require.NoError(t, err)
					require.Zero(t, status.Code, "%s: exit status", c.Name)
				}
				command := strings.Join(c.Command, " ")
				finished[c.Name] = !strings.Contains(command, "sleep")
				require.Equal(t, !strings.Contains(command, "sleep"), finished[c.Name])
			}
			result, err = b.Up(t.Context(), p, UpOptions{})
			require.NoError(t, err)
			for _, s := range result.Plan.Steps {
				require.True(t, s.Kind == "wait" || s.Kind == "start" && finished[s.Name], "a second up did %s", s)
			}
			_, err = b.Down(t.Context(), p.Name, p, DownOptions{Volumes: true})
			require.NoError(t, err)
			left, err := b.backend.List(t.Context())
			require.NoError(t, err)
			require.Empty(t, left)
			networks, err := b.backend.ListNetworks(t.Context())
			require.NoError(t, err)
			require.Len(t, networks, 5, "only the backend's own and the external ones")
			volumes, err := b.backend.ListVolumes(t.Context())
			require.NoError(t, err)
			require.Len(t, volumes, 2, "only the external ones")
		})
	}
}

// TestConfigIsTheParsersOwn compares what vz makes of a file with what
// compose-go does when it is used the way docker compose uses it.
func TestConfigIsTheParsersOwn(t *testing.T) {
	for _, name := range files(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			src := sourceOf(t, name)
			loaded, err := compose.Load(t.Context(), src)
			require.NoError(t, err)
			ours, err := loaded.Resolve()
			require.NoError(t, err)
			// The parser says again what ours.Warnings has.
			options, err := cli.NewProjectOptions(src.Files, cli.WithEnv(src.Env), cli.WithDotEnv, cli.WithResolvedPaths(true), cli.WithDiscardEnvFile)
			require.NoError(t, err)
			theirs, err := options.LoadProject(t.Context())
			require.NoError(t, err)
			got, err := ours.MarshalYAML()
			require.NoError(t, err)
			want, err := theirs.MarshalYAML()
			require.NoError(t, err)
			require.Equal(t, string(want), string(got))
		})
	}
}
