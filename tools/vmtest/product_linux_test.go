package vmtest

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/tools/internal/workspace"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux"
)

// TestProduct runs vz itself in a guest, where it makes containers of its own image
// with the native backend: the only place where its build for the other architecture
// runs, and one with cgroups of version 2.
func TestProduct(t *testing.T) { each(t, testProduct) }

func testProduct(t *testing.T, arch string) {
	needEverything(t, arch)
	needTime(t, 6*time.Minute)
	if os.Geteuid() != 0 {
		need(t, "only root can share a directory read-only")
	}
	bin := config.Share{Tag: "bin", Source: t.TempDir(), ReadOnly: true}
	cfg := Config(t, arch)
	cfg.Shares = []config.Share{bin}
	buildProduct(t, arch, bin.Source)
	g := Start(t, arch, cfg)
	path := g.mount(t, g.ShareKind(bin.Tag), bin)
	run := func(args ...string) (code int, stdout, stderr string) {
		t.Helper()
		var out, text bytes.Buffer
		status, err := g.Agent.Run(t.Context(), vzlinux.Command{
			Args: append([]string{path + "/vz"}, args...), Env: []string{"VZ_HOME=/run/home", "VZ_RUN=/run/vz"}, Stdout: &out, Stderr: &text,
		})
		require.NoError(t, err)
		return status.Code, out.String(), text.String()
	}
	vz := func(args ...string) string {
		t.Helper()
		code, out, stderr := run(args...)
		require.Zero(t, code, "%q: %s", args, stderr)
		return out
	}
	machine := map[string]string{"x86_64": "x86_64\n", "arm64": "aarch64\n"}[arch]
	require.Equal(t, machine, vz("run", "--rm", "--network", "none", "vz:builtin", "uname", "-m"))

	// Limits are those of cgroups of version 2.
	vz("run", "-d", "--name", "a", "--memory", "64m", "--pids-limit", "50", "vz:builtin", "sleep", "1000")
	require.Equal(t, "67108864\n", vz("exec", "a", "cat", "/sys/fs/cgroup/memory.max"))
	require.Equal(t, "50\n", vz("exec", "a", "cat", "/sys/fs/cgroup/pids.max"))
	vz("rm", "-f", "a")
	code, _, stderr := run("run", "--rm", "--memory", "32m", "vz:builtin", "sh", "-c", "x=0123456789abcdef; while :; do x=$x$x; done")
	require.Equal(t, 137, code, stderr)

	// Containers of a network reach each other by name, and the host's port.
	vz("network", "create", "n")
	vz("run", "-d", "--name", "web", "--network", "n", "-p", "127.0.0.1:8080:80", "vz:builtin", "sh", "-c", "echo served > /tmp/index.html; exec httpd -p 80 -h /tmp")
	require.Equal(t, "served\n", vz("run", "--rm", "--network", "n", "vz:builtin", "sh", "-c", "until wget -q -O - http://web/; do sleep 0.1; done"))
	require.Equal(t, "served\n", vz("run", "--rm", "--network", "host", "vz:builtin", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/"))
	// One with an egress policy reaches what that lists alone.
	require.Equal(t, "served\n", vz("run", "--rm", "--network", "n", "--egress", "web:80", "vz:builtin", "wget", "-q", "-O", "-", "http://web/"))
	code, _, stderr = run("run", "--rm", "--network", "n", "--egress", "none", "vz:builtin", "wget", "-q", "-O", "-", "http://web/")
	require.NotZero(t, code)
	require.Contains(t, stderr, "refused")
	vz("rm", "-f", "web")
	vz("network", "rm", "n")
	require.Empty(t, vz("ps", "-aq"))
	g.unmount(t, path) // no process of vz is left to use it
}

// buildProduct builds the programs for arch into dir as a release does.
func buildProduct(t *testing.T, arch, dir string) {
	t.Helper()
	root, err := workspace.Find(".")
	require.NoError(t, err)
	if compiler := map[string]string{"arm64": "aarch64-linux-gnu-gcc", "x86_64": "x86_64-linux-gnu-gcc"}[arch]; compiler != "" {
		if _, err := exec.LookPath(compiler); err != nil {
			need(t, err.Error()+": make packages-release")
		}
	}
	cmd := exec.Command("make", "-s", "-C", root, "build-vz", "build-vz-box", "build-vz-monitor", "OUT="+dir)
	cmd.Env = append(os.Environ(), "GOARCH="+goarch[arch])
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}
