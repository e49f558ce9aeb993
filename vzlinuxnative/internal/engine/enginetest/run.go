//go:build linux

package enginetest

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/engine"
)

// A box is a running container of a test.
type box struct {
	engine.Container
	t    *testing.T
	spec *specs.Spec
	n    int
}

// create makes a container and destroys it when the test ends.
func create(t *testing.T, e engine.Engine, spec *specs.Spec, stdio engine.Stdio) (*box, error) {
	t.Helper()
	id := "enginetest-" + strings.ToLower(rand.Text()[:12])
	if spec.Linux.CgroupsPath == "" {
		spec.Linux.CgroupsPath = "/vztest/" + id
	}
	c, err := e.Create(t.Context(), engine.CreateRequest{ID: id, Spec: spec, StateDir: t.TempDir(), Stdio: stdio})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { require.NoError(t, c.Destroy(context.Background())) })
	return &box{Container: c, t: t, spec: spec}, nil
}

// start makes and starts a container.
func start(t *testing.T, e engine.Engine, spec *specs.Spec, stdio engine.Stdio) *box {
	t.Helper()
	b, err := create(t, e, spec, stdio)
	require.NoError(t, err)
	require.NoError(t, b.Start(t.Context()))
	return b
}

// output runs a container to its end and returns what it wrote, stdout and
// stderr together, and how it ended.
func output(t *testing.T, e engine.Engine, spec *specs.Spec) (string, unix.WaitStatus) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	b := start(t, e, spec, engine.Stdio{Stdout: w, Stderr: w})
	w.Close()
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	ws, err := b.Wait()
	require.NoError(t, err)
	return string(out), ws
}

// shell is output of sh -c script, which must succeed.
func shell(t *testing.T, e engine.Engine, root, script string, change func(*specs.Spec)) string {
	t.Helper()
	spec := Spec(root, "sh", "-c", script)
	if change != nil {
		change(spec)
	}
	out, ws := output(t, e, spec)
	require.True(t, ws.Exited() && ws.ExitStatus() == 0, "%s: %v: %s", script, ws, out)
	return strings.TrimSuffix(out, "\n")
}

// exec runs a further process to its end.
func (b *box) exec(args ...string) (string, unix.WaitStatus, error) {
	b.t.Helper()
	r, w, err := os.Pipe()
	require.NoError(b.t, err)
	defer r.Close()
	p, err := b.start(w, args...)
	w.Close()
	if err != nil {
		return "", 0, err
	}
	out, err := io.ReadAll(r)
	require.NoError(b.t, err)
	ws, err := p.Wait()
	return string(out), ws, err
}

func (b *box) start(w *os.File, args ...string) (engine.Process, error) {
	proc := *b.spec.Process
	proc.Args = args
	b.n++
	return b.Exec(b.t.Context(), engine.ExecRequest{
		ID: string(rune('a' + b.n)), Process: &proc, Stdio: engine.Stdio{Stdout: w, Stderr: w},
	})
}
