package vztest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// patience is how long a command may take before it counts as hung. No test
// asserts how long anything takes.
const patience = 3 * time.Minute

// A Result is what a command did.
type Result struct {
	Args           []string
	Stdout, Stderr string
	Code           int // -1 when it was killed
}

// String tells all of it, for a failure's message.
func (r Result) String() string {
	return fmt.Sprintf("vz %s: exit code %d\n  stdout: %q\n  stderr: %q", strings.Join(r.Args, " "), r.Code, clip(r.Stdout), clip(r.Stderr))
}

func clip(s string) string {
	if len(s) > 2000 {
		return s[:1000] + " … " + s[len(s)-1000:]
	}
	return s
}

// Command returns a command of vz in the home, not yet started. It is killed
// when it hangs.
func (h *Home) Command(args ...string) *exec.Cmd {
	return h.Program(append([]string{h.vz}, args...)...)
}

// Environ is the environment of the commands: the host's without what would
// make vz behave in another way, with the home's.
func (h *Home) Environ() []string {
	env := []string{"VZ_HOME=" + h.Home(), "VZ_RUN=" + h.Run(), "HOME=" + h.path("user"), "TERM=xterm", "LC_ALL=C.UTF-8"}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if name == "PATH" || name == "GODEBUG" || name == "TMPDIR" {
			env = append(env, v)
		}
	}
	return append(env, h.Env...)
}

// Do runs vz and returns what it did. It may be called from any goroutine.
func (h *Home) Do(args ...string) Result { return h.DoWith("", args...) }

// DoWith is [Home.Do] with something on stdin.
func (h *Home) DoWith(stdin string, args ...string) Result {
	cmd := h.Command(args...)
	cmd.Stdin = strings.NewReader(stdin)
	return Finish(cmd)
}

// Finish runs cmd and returns what it did.
func Finish(cmd *exec.Cmd) Result {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r := Result{Args: cmd.Args[1:], Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.Code, r.Stderr = -1, r.Stderr+err.Error()
	}
	return r
}

// Must runs vz, fails the test unless it succeeds, and returns its stdout.
func (h *Home) Must(args ...string) string {
	h.t.Helper()
	r := h.Do(args...)
	if r.Code != 0 {
		h.t.Fatal(r)
	}
	return r.Stdout
}
