package vmtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/tools/internal/workspace"
	"vz.internal/vzcore/qemu"
)

// A command runs vz-vm with directories of its own.
type command struct {
	bin  string
	env  []string
	dir  string
	arch string
	user *syscall.Credential // nil is that of the test
}

// newCommand builds the programs and gives them the work tree's bundle.
func newCommand(t *testing.T, arch string) *command {
	t.Helper()
	Driver(t, arch)
	b := Bundle(t, arch)
	root, err := workspace.Find(".")
	require.NoError(t, err)
	c := &command{bin: t.TempDir(), arch: arch}
	build := exec.Command("go", "build", "-tags=netgo,osusergo,seccomp", "-o", c.bin, "./cmd/vz-vm", "./cmd/vz-vmm")
	build.Dir = filepath.Join(root, "vzcli")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	// Socket paths are short, whatever the test is called.
	c.dir, err = os.MkdirTemp("", "vz-")
	require.NoError(t, err)
	t.Cleanup(func() {
		c.try(context.Background(), nil, "rm", "-f", "a")
		_ = os.RemoveAll(c.dir)
	})
	c.env = append(os.Environ(), "VZ_HOME="+c.dir+"/h", "VZ_RUN="+c.dir+"/r", "VZ_LINUX_BUNDLE_DIR="+b.Dir)
	return c
}

// try runs vz-vm and returns its output and exit code.
func (c *command) try(ctx context.Context, stdin []byte, args ...string) (stdout, stderr string, code int) {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, "vz-vm"), args...)
	cmd.Env, cmd.Stdin = c.env, bytes.NewReader(stdin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.user}
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	_ = cmd.Run()
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// must runs vz-vm, which has to succeed, and returns its output.
func (c *command) must(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), BootTime)
	defer cancel()
	out, stderr, code := c.try(ctx, nil, args...)
	require.Zero(t, code, "%q: %s", args, stderr)
	return out
}

func (c *command) status(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(c.must(t, "list", "--format", "{{.Status}}"))
}

// processes returns the process ids of what has the command's directory in its
// command line, or a parent that has: the machine's own, QEMU and virtiofsd.
func (c *command) processes(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var found []string
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err == nil && bytes.Contains(text, []byte(c.dir)) {
			found = append(found, filepath.Base(filepath.Dir(file)))
		}
	}
	return found
}

// TestCommandLine takes a machine through its life as people do.
func TestCommandLine(t *testing.T) { each(t, testCommandLine) }

func testCommandLine(t *testing.T, arch string) {
	c := newCommand(t, arch)
	_, stderr, code := c.try(t.Context(), nil, "run", "a")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "there is no virtual machine called a")
	for _, bad := range [][]string{
		{"init", "--linux", "a", "-m", "1"},
		{"init", "--linux", "a", "--cpus", "0"},
		{"init", "--linux", "a/b"},
		{"init", "--linux", "a", "--mount", "x"},
		{"init", "--linux", "a", "-p", "80"},
		{"init", "--linux", "a", "--network", "x"},
		{"init", "--linux", "a", "-p", "1:2", "--network", "none"},
	} {
		_, _, code := c.try(t.Context(), nil, bad...)
		require.NotZero(t, code, bad)
	}
	share := filepath.Join(c.dir, "share")
	require.NoError(t, os.Mkdir(share, 0o755))
	c.must(t, "init", "a", "--linux", "--arch", arch, "-m", "256m", "--accel", "tcg", "--mount", "s:"+share)
	_, _, code = c.try(t.Context(), nil, "init", "--linux", "a")
	require.NotZero(t, code)
	require.Equal(t, "stopped", c.status(t))
	_, stderr, code = c.try(t.Context(), nil, "exec", "a", "x")
	require.Equal(t, 125, code)
	require.Contains(t, stderr, "does not run")

	c.must(t, "run", "-d", "a")
	require.Equal(t, "running (tcg)", c.status(t))
	_, stderr, _ = c.try(t.Context(), nil, "run", "-d", "a")
	require.Contains(t, stderr, "the virtual machine a runs")
	c.installHelper(t, share)

	out, _, code := c.try(t.Context(), []byte("in"), "exec", "-i", "a", "--", "/mnt/s/helper", "cat")
	require.Equal(t, "in0", out+strconv.Itoa(code))
	out, stderr, code = c.try(t.Context(), nil, "exec", "a", "/mnt/s/helper", "both")
	require.Equal(t, "out\nerr\n0", out+stderr+strconv.Itoa(code))
	_, _, code = c.try(t.Context(), nil, "exec", "a", "/mnt/s/helper", "exit", "7")
	require.Equal(t, 7, code)
	_, _, code = c.try(t.Context(), nil, "exec", "a", "no-such-program")
	require.Equal(t, 127, code)

	c.must(t, "save", "a", "--stop")
	require.Equal(t, "stopped", c.status(t))
	c.must(t, "restore", "-d", "--renew", "a")
	require.Equal(t, "in", func() string {
		o, _, _ := c.try(t.Context(), []byte("in"), "exec", "-i", "a", "/mnt/s/helper", "cat")
		return o
	}())
	c.must(t, "stop", "a")
	require.Equal(t, "stopped", c.status(t))
	c.must(t, "rm", "a")
	require.Empty(t, c.must(t, "list", "-q"))
	require.Empty(t, c.processes(t))
}

func (c *command) installHelper(t *testing.T, dir string) {
	t.Helper()
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", filepath.Join(dir, "helper"), "./helper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+goarch[c.arch])
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
}

// TestKilledOwner kills the process that runs a machine: nothing of the machine is
// left, and the record says so.
func TestKilledOwner(t *testing.T) { each(t, testKilledOwner) }

func testKilledOwner(t *testing.T, arch string) {
	c := newCommand(t, arch)
	share := filepath.Join(c.dir, "share")
	require.NoError(t, os.Mkdir(share, 0o755))
	c.must(t, "init", "a", "--linux", "--arch", arch, "-m", "256m", "--accel", "tcg", "--mount", "s:"+share)
	c.must(t, "run", "-d", "a")
	all := c.processes(t)
	require.GreaterOrEqual(t, len(all), 3, "vz-vmm, QEMU and virtiofsd")
	for _, pid := range all {
		text, _ := os.ReadFile("/proc/" + pid + "/cmdline")
		if strings.Contains(string(text), "vz-vmm") {
			require.NoError(t, exec.Command("kill", "-9", pid).Run())
		}
	}
	require.Eventually(t, func() bool { return len(c.processes(t)) == 0 }, 20*time.Second, 20*time.Millisecond,
		func() string { return fmt.Sprint(c.processes(t)) })
	require.Equal(t, "orphan", c.status(t))
	require.Equal(t, "a\n", c.must(t, "cleanup"))
	require.Equal(t, "stopped", c.status(t))
	c.must(t, "run", "-d", "a")
	c.must(t, "rm", "-f", "a")
}

// TestOrdinaryUser runs a machine as somebody who is not root. The share is one by 9p where
// virtiofsd is that of QEMU before 8.0, which needs root.
func TestOrdinaryUser(t *testing.T) { each(t, testOrdinaryUser) }

func testOrdinaryUser(t *testing.T, arch string) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become somebody else; TestCommandLine shows the same then")
	}
	const nobody = 65534
	c := newCommand(t, arch)
	share := filepath.Join(c.dir, "share")
	require.NoError(t, os.Mkdir(share, 0o755))
	c.installHelper(t, share)
	for _, dir := range []string{c.dir, share} {
		require.NoError(t, os.Chown(dir, nobody, nobody))
	}
	for _, dir := range []string{c.bin, filepath.Dir(c.bin), strings.TrimPrefix(c.env[len(c.env)-1], "VZ_LINUX_BUNDLE_DIR=")} {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	c.user = &syscall.Credential{Uid: nobody, Gid: nobody}
	c.must(t, "init", "a", "--linux", "--arch", arch, "-m", "256m", "--accel", "tcg", "--mount", "s:"+share)
	c.must(t, "run", "-d", "a")
	var all []string
	for _, pid := range c.processes(t) {
		text, err := os.ReadFile("/proc/" + pid + "/cmdline")
		require.NoError(t, err)
		all = append(all, string(text))
	}
	program, err := qemu.Virtiofsd()
	require.NoError(t, err)
	version, err := exec.Command(program, "--version").CombinedOutput()
	require.NoError(t, err)
	if strings.Contains(string(version), "QEMU") {
		require.NotContains(t, strings.Join(all, " "), "virtiofsd")
	}
	c.must(t, "exec", "a", "/mnt/s/helper", "write", "/mnt/s/b", "from the guest")
	info, err := os.Stat(filepath.Join(share, "b"))
	require.NoError(t, err)
	require.Equal(t, uint32(nobody), info.Sys().(*syscall.Stat_t).Uid)
	c.must(t, "rm", "-f", "a")
	require.Empty(t, c.processes(t))
}
