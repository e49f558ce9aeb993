//go:build linux

package e2e

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/vztest"
)

// startWith starts cmd, waits for the first line on stdout that contains word,
// and returns the rest of stdout.
func startWith(t *testing.T, cmd *exec.Cmd, word string) *bufio.Reader {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// A file: the container may hold it longer than vz, so a pipe would not end.
	stderr, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	r, seen := bufio.NewReader(stdout), ""
	for {
		line, err := r.ReadString('\n')
		if strings.Contains(line, word) {
			return r
		}
		if seen += line; err != nil {
			_ = cmd.Wait()
			said, _ := os.ReadFile(stderr.Name()) // for the message only
			t.Fatalf("%s ended without %q: stdout %q, stderr %q", strings.Join(cmd.Args, " "), word, seen, said)
		}
	}
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// waitForLog follows the log of a container, both streams, until a line has word.
func waitForLog(t *testing.T, h *vztest.Home, name, word string) {
	t.Helper()
	cmd := h.Command("logs", "-f", name)
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // killed below, or the container ended
		_ = w.Close()
	}()
	lines, seen := bufio.NewScanner(r), []string{}
	for lines.Scan() {
		seen = append(seen, lines.Text())
		if strings.Contains(lines.Text(), word) {
			break
		}
	}
	found := len(seen) > 0 && strings.Contains(seen[len(seen)-1], word)
	_ = cmd.Process.Kill() // it may have ended
	_ = r.Close()
	<-done
	if !found {
		t.Fatalf("the log of %s ended without %q: %s", name, word, strings.Join(seen, "\n"))
	}
}
