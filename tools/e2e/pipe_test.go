//go:build linux

package e2e

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/vztest"
)

// firstLine runs vz as the shell does in "vz … | head -1": the reader goes after
// one line. It returns the line, the exit code and what was said on stderr.
func firstLine(t *testing.T, h *vztest.Home, args ...string) (line string, code int, stderr string) {
	t.Helper()
	cmd := h.Command(args...)
	var said strings.Builder
	cmd.Stderr = &said
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout = w
	err = cmd.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	line, err = bufio.NewReaderSize(r, 16).ReadString('\n')
	if err != nil {
		t.Errorf("read the first line: %v", err)
	}
	r.Close()
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return line, cmd.ProcessState.ExitCode(), said.String()
}

// endless writes lines, far more than any pipe holds, but not for ever.
const endless = "seq 1 10000000"

// Where the reader of a pipe goes away the workload ends with it: run --rm takes
// the container along, exec the program.
func TestReaderGone(t *testing.T) {
	h := vztest.New(t)
	image := busybox(t, "busybox")
	h.Must("pull", "-q", image)
	run := []string{"run", "--rm", "-q", "--network", "none"}
	tests := []struct {
		name string
		args []string
	}{
		{"process 1 writes", strings.Fields(endless)},
		{"its child writes", []string{"sh", "-c", endless + "; exit 3"}},
		{"it minds no broken pipe", []string{"sh", "-c", "trap '' PIPE; echo 1; for i in $(seq 600); do echo more; sleep 0.1; done 2>/dev/null"}},
		{"it is stopped", []string{"sh", "-c", "trap 'exit 5' TERM; echo 1; for i in $(seq 600); do echo more; sleep 0.1; done 2>/dev/null"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			line, code, said := firstLine(t, h, append(append(run, "--stop-timeout", "1", image), tt.args...)...)
			if line != "1\n" || code != 141 || said != "vz: write stdout: broken pipe\n" {
				t.Errorf("first line %q, exit code %d, stderr %q, want 141", line, code, said)
			}
			if left := h.Containers(); len(left) != 0 {
				t.Errorf("left containers %q", left)
			}
		})
	}
	t.Run("exec", func(t *testing.T) {
		h.Must("run", "-q", "-d", "--rm", "--name", "c", "--network", "none", image, "sleep", "1000")
		defer h.Must("rm", "-f", "c")
		line, code, _ := firstLine(t, h, append([]string{"exec", "c"}, strings.Fields(endless)...)...)
		if line != "1\n" || code == 0 {
			t.Errorf("first line %q, exit code %d, want a failure", line, code)
		}
		line, code, said := firstLine(t, h, "exec", "c", "sh", "-c", "echo 1; "+endless+"; exit 7")
		if line != "1\n" || code == 0 {
			t.Errorf("first line %q, exit code %d, stderr %q, want a failure", line, code, said)
		}
	})
}

// Without --rm the container runs on, as its log may still be wanted, and so it
// does when somebody who attached goes.
func TestReaderGoneContainerStays(t *testing.T) {
	h := vztest.New(t)
	image := busybox(t, "busybox")
	script := "i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo $i; done; echo waits; read x; echo end; exit 4"
	line, code, said := firstLine(t, h, "run", "-q", "-i", "--name", "c", "--network", "none", image, "sh", "-c", script)
	if line != "1\n" || code != 141 || said != "vz: write stdout: broken pipe\n" {
		t.Errorf("first line %q, exit code %d, stderr %q, want 141", line, code, said)
	}
	h.Must("wait", "c")
	if log := h.Must("logs", "c"); !strings.HasSuffix(log, "5000\nwaits\nend\n") {
		t.Errorf("the log ends in %q", log[max(0, len(log)-40):])
	}
	if code := h.Inspect("c", "{{.State.ExitCode}}"); code != "4" {
		t.Errorf("the container's exit code is %s, want 4", code)
	}
}

// What is written before a quiet program's reader goes ends nothing.
func TestReaderGoneUnnoticed(t *testing.T) {
	h := vztest.New(t)
	image := busybox(t, "busybox")
	cmd := h.Command("run", "--rm", "-q", "-i", "--network", "none", image, "sh", "-c", "echo 1; read x; exit $x")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 2)); err != nil {
		t.Error(err)
	}
	out.Close()
	if _, err := io.WriteString(in, "6\n"); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 6 {
		t.Errorf("run: %v, want exit code 6", err)
	}
}

// A full disk behind stdout is told.
func TestOutputToFullDisk(t *testing.T) {
	h := vztest.New(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("needs /dev/full: %v", err)
	}
	defer full.Close()
	cmd := h.Command("run", "--rm", "-q", "--network", "none", busybox(t, "busybox"), "echo", "hi")
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = full, &said
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != 141 || said.String() != "vz: write stdout: no space left on device\n" {
		t.Errorf("run: %v, stderr %q, want 141", err, said.String())
	}
}
