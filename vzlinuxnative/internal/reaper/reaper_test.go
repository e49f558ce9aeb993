//go:build linux

package reaper

import (
	"bufio"
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// command runs a workload below the reaper.
func command(t *testing.T, argv ...string) *exec.Cmd {
	t.Helper()
	file := filepath.Join(t.TempDir(), "init")
	cmd := exec.CommandContext(t.Context(), file)
	cmd.Env = []string{"PATH=/no/such:/bin:/usr/bin", "KEY=value"}
	require.NoError(t, Write(file, argv, cmd.Env))
	cmd.Args = Args(argv)
	return cmd
}

func TestProgram(t *testing.T) {
	p := Program([]string{"/bin/true"})
	require.Less(t, len(p), 4096)
	f, err := elf.NewFile(bytes.NewReader(p))
	require.NoError(t, err)
	require.Equal(t, elf.ET_EXEC, f.Type)
}

func TestRuns(t *testing.T) {
	for _, tt := range []struct {
		argv []string
		out  string
		code int
	}{
		{[]string{"sh", "-c", "echo $KEY $1; exit 7", "x", "two words"}, "value two words\n", 7},
		{[]string{"/bin/sh", "-c", "kill -TERM $$"}, "", 143},
		{[]string{"no-such-program"}, "", 127},
		{[]string{"/etc/passwd"}, "", 126},
		// The orphan's end does not end the workload.
		{[]string{"sh", "-c", "(true &) ; sleep 0.1; echo end"}, "end\n", 0},
	} {
		cmd := command(t, tt.argv...)
		out, err := cmd.Output()
		if tt.code == 0 {
			require.NoError(t, err, tt.argv)
		}
		require.Equal(t, tt.out, string(out), tt.argv)
		require.Equal(t, tt.code, cmd.ProcessState.ExitCode(), tt.argv)
	}
}

// TestArguments is what ps shows: the workload's own arguments.
func TestArguments(t *testing.T) {
	out, err := command(t, "sh", "-c", "tr '\\0' '|' </proc/$PPID/cmdline; echo; tr '\\0' '|' </proc/$$/cmdline", "x").Output()
	require.NoError(t, err)
	init, workload, _ := strings.Cut(string(out), "\n")
	require.Equal(t, "/dev/init|--|"+workload, init)
}

func TestPassesSignalsOn(t *testing.T) {
	cmd := command(t, "sh", "-c", "trap 'exit 5' USR1; echo ready; while :; do sleep 0.01; done")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	buf := make([]byte, 6)
	_, err = out.Read(buf)
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(unix.SIGUSR1))
	_ = cmd.Wait()
	require.Equal(t, 5, cmd.ProcessState.ExitCode())
	_, err = os.Stat(cmd.Path)
	require.NoError(t, err)
}

// TestIdle: without a workload the reaper takes the ends of others' children, and ends by
// a signal as a program would.
func TestIdle(t *testing.T) {
	file := filepath.Join(t.TempDir(), "init")
	require.NoError(t, Write(file, []string{Path}, nil))
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `sleep 1000 & echo $!; exec "$0"`, file)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	child, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.Eventually(t, func() bool { // exec has come when its arguments are those of the reaper
		args, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/cmdline")
		return err == nil && string(args) == file+"\x00"
	}, time.Minute, time.Millisecond)
	require.NoError(t, unix.Kill(child, unix.SIGKILL))
	require.Eventually(t, func() bool {
		_ = cmd.Process.Signal(unix.SIGCHLD) // the child's own may have come before the reaper waited for it
		return unix.Kill(child, 0) == unix.ESRCH
	}, time.Minute, time.Millisecond)
	require.NoError(t, cmd.Process.Signal(unix.SIGWINCH))
	require.NoError(t, cmd.Process.Signal(unix.SIGTERM))
	_ = cmd.Wait()
	require.Equal(t, 128+int(unix.SIGTERM), cmd.ProcessState.ExitCode())
}
