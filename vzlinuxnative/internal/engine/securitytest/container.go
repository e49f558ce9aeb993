//go:build linux

package securitytest

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/engine/enginetest"
	"vz.internal/vzlinuxnative/internal/ocispec"
)

// A lab runs containers of one engine on one root.
type lab struct {
	*testing.T
	engine engine.Engine
	root   string
	user   string
	binds  []engine.ResolvedMount
	// unconfined: the engine cannot install filters.
	unconfined bool
}

func newLab(t *testing.T, e engine.Engine) *lab {
	t.Helper()
	root := enginetest.Root(t)
	for _, applet := range []string{"dd", "df", "ln", "mv", "nproc", "rm", "sysctl", "tail", "chroot", "unshare", "ulimit", "xargs"} {
		require.NoError(t, os.Symlink("busybox", filepath.Join(root, "bin", applet)))
	}
	etc := map[string]string{
		"passwd": "root:x:0:0::/root:/bin/sh\napp:x:33:34::/home/app:/bin/sh\n",
		"group":  "root:x:0:\nweb:x:34:\nextra:x:50:app\n",
	}
	for name, data := range etc {
		require.NoError(t, os.WriteFile(filepath.Join(root, "etc", name), []byte(data), 0o644))
	}
	return &lab{T: t, engine: e, root: root}
}

// needs skips the check on a host that lacks a cgroup controller.
func (l *lab) needs(controllers ...string) {
	l.Helper()
	for _, c := range controllers {
		if !slices.Contains(cgroup.Controllers(), c) {
			l.Skipf("needs the %s cgroup controller", c)
		}
	}
}

// create makes a container that runs sh -c script.
func (l *lab) create(cfg vzcontract.RunConfig, script string, stdio engine.Stdio) (engine.Container, error) {
	l.Helper()
	if l.unconfined && cfg.Security.Seccomp == "" {
		cfg.Security.Seccomp = "unconfined"
	}
	id := "sectest-" + strings.ToLower(rand.Text()[:12])
	spec, err := ocispec.New(engine.SpecInput{
		ID: id, Config: cfg, Argv: []string{"/bin/sh", "-c", script}, Env: []string{"PATH=/bin"}, User: l.user,
		RootPath: l.root, CgroupsPath: "/vztest/" + id, Binds: l.binds,
	})
	require.NoError(l, err)
	c, err := l.engine.Create(l.Context(), engine.CreateRequest{ID: id, Spec: spec, StateDir: l.TempDir(), Stdio: stdio})
	if err == nil {
		l.Cleanup(func() { require.NoError(l, c.Destroy(context.Background())) })
	}
	return c, err
}

// sh runs script to its end and returns what it wrote and how it ended.
func (l *lab) sh(cfg vzcontract.RunConfig, script string) (string, unix.WaitStatus) {
	l.Helper()
	r, w, err := os.Pipe()
	require.NoError(l, err)
	defer r.Close()
	c, err := l.create(cfg, script, engine.Stdio{Stdout: w, Stderr: w})
	if err == nil {
		err = c.Start(l.Context())
	}
	w.Close()
	require.NoError(l, err, script)
	var out bytes.Buffer
	_, err = io.Copy(&out, r)
	require.NoError(l, err)
	ws, err := c.Wait()
	require.NoError(l, err)
	return strings.TrimSpace(out.String()), ws
}

// out is sh of a script that ends well.
func (l *lab) out(cfg vzcontract.RunConfig, script string) string {
	l.Helper()
	out, ws := l.sh(cfg, script)
	require.True(l, ws.Exited() && ws.ExitStatus() == 0, "%s: %v: %s", script, ws, out)
	return out
}

// refused is sh of a script that must fail with the words why.
func (l *lab) refused(cfg vzcontract.RunConfig, script, why string) {
	l.Helper()
	out, ws := l.sh(cfg, script)
	require.False(l, ws.Exited() && ws.ExitStatus() == 0, "%s: %s", script, out)
	require.Contains(l, out, why, script)
}

// try is sh of a container that may be refused altogether.
func (l *lab) try(script string) (string, unix.WaitStatus) {
	l.Helper()
	r, w, err := os.Pipe()
	require.NoError(l, err)
	defer r.Close()
	c, err := l.create(config{}, script, engine.Stdio{Stdout: w, Stderr: w})
	if err == nil {
		err = c.Start(l.Context())
	}
	w.Close()
	if err != nil {
		return err.Error(), unix.WaitStatus(1 << 8)
	}
	out := readAll(l, r)
	ws, err := c.Wait()
	require.NoError(l, err)
	return out, ws
}

func readAll(l *lab, r io.Reader) string {
	l.Helper()
	b, err := io.ReadAll(r)
	require.NoError(l, err)
	return strings.TrimSpace(string(b))
}

// readTerminal reads until the other side is closed, which is an i/o error.
func readTerminal(r io.Reader) string {
	b, _ := io.ReadAll(r)
	return string(b)
}

// process is a further process as root with no capability.
func process(l *lab, args ...string) *specs.Process {
	l.Helper()
	return &specs.Process{Args: args, Cwd: "/", Env: []string{"PATH=/bin"}, Capabilities: &specs.LinuxCapabilities{}}
}
