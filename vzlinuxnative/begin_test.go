//go:build linux

package vzlinuxnative_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
)

// watched tells whether this process watches a directory.
func watched(t *testing.T, dir string) bool {
	var st unix.Stat_t
	require.NoError(t, unix.Stat(dir, &st))
	files, err := filepath.Glob("/proc/self/fdinfo/*")
	require.NoError(t, err)
	for _, f := range files {
		info, err := os.ReadFile(f)
		if err == nil && bytes.Contains(info, []byte("inotify ")) && bytes.Contains(info, []byte(" ino:"+strconv.FormatUint(st.Ino, 16)+" ")) {
			return true
		}
	}
	return false
}

// stopMonitor stops the monitor that a home's backend is getting ready.
func stopMonitor(t *testing.T, h home) (pid int) {
	t.Helper()
	find := func() bool {
		procs, err := filepath.Glob("/proc/[0-9]*/cmdline")
		require.NoError(t, err)
		for _, p := range procs {
			text, err := os.ReadFile(p)
			if err == nil && strings.Contains(string(text), "\x00monitor\x00") && strings.Contains(string(text), h.dir) {
				pid, err = strconv.Atoi(filepath.Base(filepath.Dir(p)))
				require.NoError(t, err)
			}
		}
		return pid > 0
	}
	require.Eventually(t, find, time.Minute, 10*time.Millisecond, "no monitor is there")
	require.NoError(t, unix.Kill(pid, unix.SIGSTOP))
	t.Cleanup(func() { _ = unix.Kill(pid, unix.SIGCONT) })
	return pid
}

// TestRemoveAtBegin: a forced removal that finds a monitor which does not listen
// yet waits for that, not for its end.
func TestRemoveAtBegin(t *testing.T) {
	root := conformance.BusyboxRoot(t, busybox(t))
	h := newHome(t)
	b := h.open(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	info, err := b.Create(ctx, vzcontract.RunConfig{Rootfs: root, Args: []string{"sleep", "1000"}, NetworkMode: "none"})
	require.NoError(t, err)
	b.Warm()
	pid := stopMonitor(t, h)
	started, removed := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := b.Start(ctx, info.ID, vzcontract.StartOptions{})
		started <- err
	}()
	require.Eventually(t, func() bool { return monitorOf(t, h, info.ID) == pid }, time.Minute, time.Millisecond)
	go func() { removed <- h.open(t).Remove(ctx, info.ID, vzcontract.RemoveOptions{Force: true}) }()
	dir := filepath.Join(h.dir, "containers", info.ID)
	require.Eventually(t, func() bool { return watched(t, dir) }, time.Minute, time.Millisecond)
	require.NoError(t, unix.Kill(pid, unix.SIGCONT))
	require.NoError(t, <-removed)
	<-started // it may have run for a moment
	_, err = b.Inspect(ctx, info.ID)
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
}
