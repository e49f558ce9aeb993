//go:build linux

package e2e

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/vztest"
)

// noise returns n bytes that are the same each time and do not repeat.
func noise(n int64) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{1}), n) }

func sum(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		t.Error(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// 100 MB go through a container intact, on stdout and stderr at the same time
// and apart.
func TestLargeStreams(t *testing.T) {
	const size = 100 << 20
	h := vztest.New(t)
	want := sum(t, noise(size))
	cmd := h.Command("run", "-q", "-i", "--rm", "--network", "none", busybox(t, "busybox"), "tee", "/dev/stderr")
	cmd.Stdin = noise(size)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	other := make(chan string)
	go func() { other <- sum(t, stderr) }()
	got := [2]string{sum(t, stdout), <-other}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if got[0] != want || got[1] != want {
		t.Errorf("stdout and stderr have sums %q, stdin had %s", got, want)
	}
}

// The same into and out of a running container.
func TestLargeExecStreams(t *testing.T) {
	const size = 20 << 20
	h := vztest.New(t)
	h.Must("run", "-q", "-d", "--name", "c", "--network", "none", busybox(t, "busybox"), "sleep", "1000")
	cmd := h.Command("exec", "-i", "c", "sh", "-c", "cat; echo end >&2")
	cmd.Stdin = noise(size)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	got := sum(t, stdout)
	if err := cmd.Wait(); err != nil || stderr.String() != "end\n" {
		t.Errorf("exec: %v, stderr %q", err, stderr.String())
	}
	if want := sum(t, noise(size)); got != want {
		t.Errorf("stdout has sum %s, stdin had %s", got, want)
	}
}

// logs -f loses no line of a container that writes as fast as it can, ends with
// it, and what is logged afterwards is the same.
func TestFollowedLogs(t *testing.T) {
	const lines = 500_000
	h := vztest.New(t)
	h.Must("run", "-q", "-d", "--name", "c", "--network", "none", busybox(t, "busybox"), "sh", "-c",
		fmt.Sprintf("seq 1 %d; echo end >&2", lines))
	follow := h.Command("logs", "-f", "c")
	var stderr strings.Builder
	follow.Stderr = &stderr
	stdout, err := follow.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	expectLines(t, stdout, lines)
	if err := follow.Wait(); err != nil || stderr.String() != "end\n" {
		t.Errorf("logs -f: %v, stderr %q", err, stderr.String())
	}
	expectLines(t, strings.NewReader(h.Must("logs", "c")), lines)
}

func expectLines(t *testing.T, r io.Reader, lines int) {
	t.Helper()
	s, n := bufio.NewScanner(r), 0
	for s.Scan() {
		n++
		if s.Text() != fmt.Sprint(n) {
			t.Fatalf("line %d is %q", n, s.Text())
		}
	}
	if n != lines || s.Err() != nil {
		t.Errorf("%d lines, %v, want %d", n, s.Err(), lines)
	}
}
