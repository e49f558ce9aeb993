//go:build linux

package libct

import (
	"crypto/rand"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/engine/enginetest"
	"vz.internal/vzlinuxnative/internal/ocispec"
	"vz.internal/vzlinuxnative/internal/testreq"
)

func benchContainer(b *testing.B, root string, args ...string) engine.Container {
	id := "bench-" + strings.ToLower(rand.Text()[:12])
	spec, err := ocispec.New(engine.SpecInput{
		ID: id, Argv: args, Env: []string{"PATH=/bin"}, RootPath: root, CgroupsPath: "/vztest/" + id,
		Config: vzcontract.RunConfig{
			NetworkMode: "none", Resources: vzcontract.Resources{Memory: 64 << 20, PidsLimit: 40, NanoCPUs: 5e8},
		},
	})
	require.NoError(b, err)
	c, err := New().Create(b.Context(), engine.CreateRequest{ID: id, Spec: spec, StateDir: b.TempDir()})
	require.NoError(b, err)
	require.NoError(b, c.Start(b.Context()))
	return c
}

// BenchmarkStart is a whole container: made, run, ended and removed.
func BenchmarkStart(b *testing.B) {
	testreq.Root(b)
	root := enginetest.Root(b)
	for b.Loop() {
		c := benchContainer(b, root, "true")
		_, err := c.Wait()
		require.NoError(b, err)
		require.NoError(b, c.Destroy(b.Context()))
	}
}

// BenchmarkExec is a further process in a running container.
func BenchmarkExec(b *testing.B) {
	testreq.Root(b)
	c := benchContainer(b, enginetest.Root(b), "sleep", "1000")
	defer func() { require.NoError(b, c.Destroy(b.Context())) }()
	for b.Loop() {
		p, err := c.Exec(b.Context(), engine.ExecRequest{ID: rand.Text(), Process: execOf("true")})
		require.NoError(b, err)
		ws, err := p.Wait()
		require.NoError(b, err)
		require.Zero(b, ws)
	}
}

func execOf(args ...string) *specs.Process {
	return &specs.Process{Args: args, Cwd: "/", Env: []string{"PATH=/bin"}, Capabilities: &specs.LinuxCapabilities{}}
}
