package vmtest

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/tools/internal/workspace"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// TestProduct runs vz itself in a guest, where it makes containers of its own image
// with the native backend: the only place where its build for the other architecture
// runs, and one with cgroups of version 2.
func TestProduct(t *testing.T) { each(t, testProduct) }

func testProduct(t *testing.T, arch string) {
	if os.Geteuid() != 0 {
		need(t, "only root can share a directory read-only")
	}
	bin := config.Share{Tag: "bin", Source: t.TempDir(), ReadOnly: true}
	cfg := Config(t, arch)
	cfg.Shares = []config.Share{bin}
	buildProduct(t, arch, bin.Source)
	g := Start(t, arch, cfg)
	path := g.mount(t, g.ShareKind(bin.Tag), bin)
	vz := func(args ...string) string {
		t.Helper()
		var out, stderr bytes.Buffer
		status, err := g.Agent.Run(t.Context(), vzlinux.Command{
			Args: append([]string{path + "/vz"}, args...), Env: []string{"VZ_HOME=/run/home", "VZ_RUN=/run/vz"}, Stdout: &out, Stderr: &stderr,
		})
		require.NoError(t, err)
		require.Zero(t, status.Code, "%q: %s", args, stderr.String())
		return out.String()
	}
	machine := map[string]string{"x86_64": "x86_64\n", "arm64": "aarch64\n"}[arch]
	require.Equal(t, machine, vz("run", "--rm", "--network", "none", "vz:builtin", "uname", "-m"))
	vz("run", "-d", "--name", "a", "--memory", "64m", "--pids-limit", "50", "vz:builtin", "sleep", "1000")
	require.Equal(t, "67108864\n", vz("exec", "a", "cat", "/sys/fs/cgroup/memory.max"))
	require.Equal(t, "50\n", vz("exec", "a", "cat", "/sys/fs/cgroup/pids.max"))
	// The default network: another container reaches it by name.
	require.Contains(t, vz("inspect", "a"), `"Running": true`)
	vz("rm", "-f", "a")
	require.Empty(t, vz("ps", "-aq"))
	list, err := g.Agent.List(t.Context(), "/run/vz")
	require.NoError(t, err)
	t.Logf("left in the run directory: %v", list.Entries)
	require.NoError(t, g.Agent.Call(t.Context(), agentproto.MethodUnmount, agentproto.FileRequest{Path: path}, nil), "no process is left in it")
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
