//go:build linux

package ocicli

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/engine/enginetest"
	"vz.internal/vzlinuxnative/internal/testreq"
)

// A bundle is a test's bundle with a root for state.
type bundle struct {
	*testing.T
	dir, root string
	spec      *specs.Spec
}

func newBundle(t *testing.T, args ...string) *bundle {
	t.Helper()
	testreq.Root(t)
	b := &bundle{T: t, dir: t.TempDir(), root: t.TempDir()}
	b.spec = enginetest.Spec(enginetest.Root(t), args...)
	b.spec.Linux.CgroupsPath = "/vztest/" + filepath.Base(b.dir) + strconv.Itoa(os.Getpid())
	wd, err := os.Getwd()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.Chdir(wd)) })
	return b
}

// oci runs one command line and returns its stdout and exit code.
func (b *bundle) oci(args ...string) (string, int) {
	b.Helper()
	config, err := json.Marshal(b.spec)
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(filepath.Join(b.dir, "config.json"), config, 0o600))
	r, w, err := os.Pipe()
	require.NoError(b, err)
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = w, w
	code := run(append([]string{"--root", b.root}, args...))
	os.Stdout, os.Stderr = stdout, stderr
	w.Close()
	if args[0] == "create" || args[0] == "start" {
		// The container holds the other end too.
		r.Close()
		return "", code
	}
	defer r.Close()
	out, err := io.ReadAll(r)
	require.NoError(b, err)
	return strings.TrimSpace(string(out)), code
}

func (b *bundle) state(id string) record {
	b.Helper()
	out, code := b.oci("state", id)
	require.Zero(b, code, out)
	var r record
	require.NoError(b, json.Unmarshal([]byte(out), &r), out)
	return r
}

func TestLifecycle(t *testing.T) {
	b := newBundle(t, "sleep", "1000")
	b.spec.Annotations = map[string]string{"key": "value"}
	pidFile := filepath.Join(b.dir, "pid")
	_, code := b.oci("create", "--bundle", b.dir, "--pid-file", pidFile, "one")
	require.Zero(t, code)
	st := b.state("one")
	require.Equal(t, specs.StateCreated, st.Status)
	require.Equal(t, b.dir, st.Bundle)
	require.Equal(t, map[string]string{"key": "value"}, st.Annotations)
	pid, err := os.ReadFile(pidFile)
	require.NoError(t, err)
	require.Equal(t, strconv.Itoa(st.Pid), string(pid))

	out, code := b.oci("create", "--bundle", b.dir, "one")
	require.Equal(t, 1, code, out)
	out, code = b.oci("delete", "one")
	require.Equal(t, 1, code)
	require.Contains(t, out, "is created")

	_, code = b.oci("start", "one")
	require.Zero(t, code)
	require.Equal(t, specs.StateRunning, b.state("one").Status)
	_, code = b.oci("start", "one")
	require.Equal(t, 1, code)
	out, code = b.oci("exec", "one", "sh", "-c", "hostname; exit 5")
	require.Equal(t, 5, code)
	require.Equal(t, "box", out)
	out, code = b.oci("list", "--format", "json")
	require.Zero(t, code)
	require.Contains(t, out, `"id": "one"`)

	_, code = b.oci("kill", "one", "KILL")
	require.Zero(t, code)
	var ws unix.WaitStatus
	_, err = unix.Wait4(st.Pid, &ws, 0, nil) // the test is its parent
	require.NoError(t, err)
	require.Equal(t, unix.SIGKILL, ws.Signal())
	stopped := b.state("one")
	require.Equal(t, specs.ContainerState("stopped"), stopped.Status)
	require.Zero(t, stopped.Pid)
	out, code = b.oci("kill", "one", "TERM")
	require.Equal(t, 1, code, out)
	out, code = b.oci("delete", "one")
	require.Zero(t, code, out)
	out, code = b.oci("state", "one")
	require.Equal(t, 1, code)
	require.Contains(t, out, `container "one" does not exist`)
}

func TestRun(t *testing.T) {
	b := newBundle(t, "sh", "-c", "echo out; exit 7")
	b.spec.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_AS", Soft: 1 << 28, Hard: 1 << 28}}
	out, code := b.oci("run", "--bundle", b.dir, "two")
	require.Equal(t, "out", out)
	require.Equal(t, 7, code)
	entries, err := os.ReadDir(b.root)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestHooks(t *testing.T) {
	b := newBundle(t, "true")
	log := filepath.Join(b.dir, "log")
	hook := func(name string) []specs.Hook {
		return []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "echo " + name + " $(grep -o '\"status\":\"[a-z]*\"') >> " + log}}}
	}
	b.spec.Hooks = &specs.Hooks{
		CreateRuntime: hook("createRuntime"), Poststart: hook("poststart"), Poststop: hook("poststop"),
		CreateContainer: []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "echo createContainer >>" + log}}},
		StartContainer:  []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "echo startContainer > /tmp/started"}}},
	}
	b.spec.Process.Args = []string{"sh", "-c", "cat /tmp/started"}
	out, code := b.oci("run", "--bundle", b.dir, "three")
	require.Zero(t, code, out)
	require.Equal(t, "startContainer", out)
	got, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, `createRuntime "status":"creating"
createContainer
poststart "status":"running"
poststop "status":"stopped"
`, string(got))
}

func TestUsage(t *testing.T) {
	b := newBundle(t, "true")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"frobnicate"}, `unknown command "frobnicate"`},
		{[]string{"kill", "x", "FOO"}, `signal "FOO" is unknown`},
		{[]string{"kill", "x", "99"}, "give 0 to 64"},
		{[]string{"state"}, "0 arguments"},
		{[]string{"run", "--no-such", "x"}, "not defined"},
		{[]string{"run", "--bundle", "/no/such", "x"}, "no such file"},
		{[]string{"run", "--bundle", b.dir, "--console-socket", "/x", "x"}, "--console-socket needs process.terminal"},
	} {
		out, code := b.oci(tt.args...)
		require.Equal(t, 1, code, tt.args)
		require.Contains(t, out, tt.want)
	}
	log := filepath.Join(b.dir, "errors")
	_, code := b.oci("--log", log, "--log-format", "json", "state", "none")
	require.Equal(t, 1, code)
	got, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Contains(t, string(got), `"level":"error"`)
}
