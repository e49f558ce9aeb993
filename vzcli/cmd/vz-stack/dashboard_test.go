package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// TestDashboard runs the page on a terminal of 80 by 24 and quits it.
func TestDashboard(t *testing.T) {
	dir := t.TempDir()
	file := "name: shop\nservices: {web: {image: busybox, init: true, command: sleep 100}}\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(file), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, "vz-stack", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "VZ_BACKEND=fake", "VZ_HOME="+filepath.Join(dir, "home"), "VZ_RUN="+filepath.Join(dir, "run"), "TERM=xterm")
		return cmd
	}
	out, err := command("up", "-d").CombinedOutput()
	require.NoError(t, err, "%s", out)

	cmd := command("dashboard")
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	require.NoError(t, err)
	defer terminal.Close()
	var screen bytes.Buffer
	buf := make([]byte, 4096)
	quit := false
	for {
		n, err := terminal.Read(buf)
		screen.Write(buf[:n])
		if !quit && bytes.Contains(screen.Bytes(), []byte("web-1")) && bytes.Contains(screen.Bytes(), []byte("running")) {
			_, writeErr := terminal.Write([]byte("q"))
			require.NoError(t, writeErr)
			quit = true
		}
		if err != nil {
			break // the end of a terminal is an error
		}
	}
	require.NoError(t, cmd.Wait(), "%q", screen.String())
	require.True(t, quit, "%q", screen.String())
	require.Contains(t, screen.String(), "\x1b[?1049h", "a screen of its own")
	require.Greater(t, bytes.LastIndex(screen.Bytes(), []byte("\x1b[?1049l")), bytes.LastIndex(screen.Bytes(), []byte("\x1b[?1049h")), "given back")
}
