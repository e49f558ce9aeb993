//go:build linux

package direct

import (
	"context"
	"io"
	"os"
	"os/exec"
	"testing"

	_ "github.com/opencontainers/cgroups/devices" // device rules
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/engine/enginetest"
	"vz.internal/vzlinuxnative/internal/testreq"
)

func TestEngine(t *testing.T) {
	testreq.Root(t)
	enginetest.Run(t, func(*testing.T) engine.Engine { return New(nil) })
}

// TestSmallLimits gives a program fewer descriptors than making its container
// takes.
func TestSmallLimits(t *testing.T) {
	testreq.Root(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	spec := enginetest.Spec(enginetest.Root(t), "sh", "-c", "ulimit -n; ulimit -Hn")
	spec.Linux.CgroupsPath = "/vztest/limits"
	spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 4, Hard: 5}}
	c, err := New(nil).Create(t.Context(), engine.CreateRequest{ID: "limits", Spec: spec, Stdio: engine.Stdio{Stdout: w, Stderr: w}})
	w.Close()
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Destroy(context.WithoutCancel(t.Context()))) }()
	require.NoError(t, c.Start(t.Context()))
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, "4\n5\n", string(out))
	_, err = c.Wait()
	require.NoError(t, err)
}

// TestExecBelowChroot runs the engine in a chroot whose root is a mount: a
// mount namespace made there has another root than its processes.
func TestExecBelowChroot(t *testing.T) {
	testreq.Root(t)
	const below = "VZ_TEST_BELOW"
	if os.Getenv(below) == "" {
		self, err := os.Executable()
		require.NoError(t, err)
		script := `mount --rbind / "$1" && exec chroot "$1" "$2" -test.run '^TestExecBelowChroot$'`
		cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c", script, "sh", t.TempDir(), self)
		cmd.Env = append(os.Environ(), below+"=1")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return
	}
	root := enginetest.Root(t)
	require.NoError(t, os.WriteFile(root+"/mark", []byte("the container's"), 0o644))
	spec := enginetest.Spec(root, "sleep", "1000")
	spec.Linux.CgroupsPath = "/vztest/below"
	c, err := New(nil).Create(t.Context(), engine.CreateRequest{ID: "below", Spec: spec})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Destroy(context.WithoutCancel(t.Context()))) }()
	require.NoError(t, c.Start(t.Context()))
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	cat := *spec.Process
	cat.Args = []string{"cat", "/mark"}
	p, err := c.Exec(t.Context(), engine.ExecRequest{ID: "cat", Process: &cat, Stdio: engine.Stdio{Stdout: w, Stderr: w}})
	w.Close()
	require.NoError(t, err)
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	_, err = p.Wait()
	require.NoError(t, err)
	require.Equal(t, "the container's", string(out))
}

func BenchmarkStart(b *testing.B) {
	testreq.Root(b)
	root := enginetest.Root(b)
	e := New(nil)
	for b.Loop() {
		spec := enginetest.Spec(root, "true")
		spec.Linux.CgroupsPath = "/vztest/bench"
		c, err := e.Create(b.Context(), engine.CreateRequest{ID: "bench", Spec: spec})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Wait(); err != nil {
			b.Fatal(err)
		}
		if err := c.Destroy(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
