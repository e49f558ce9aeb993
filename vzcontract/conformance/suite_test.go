package conformance_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzcontract/fake"
)

// broken is a backend with one defect.
type broken struct {
	*fake.Backend
	defect string
}

func (b broken) Wait(ctx context.Context, ref string, cond vzcontract.WaitCondition) (vzcontract.ExitStatus, error) {
	exit, err := b.Backend.Wait(ctx, ref, cond)
	if b.defect == "exit-code" {
		exit.Code = 0
	}
	return exit, err
}

func (b broken) Remove(ctx context.Context, ref string, opts vzcontract.RemoveOptions) error {
	if b.defect == "remove-running" {
		opts.Force = true
	}
	return b.Backend.Remove(ctx, ref, opts)
}

func (b broken) Create(ctx context.Context, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	switch b.defect {
	case "ignores-read-only":
		cfg.ReadOnly = false
	case "ignores-user":
		cfg.User = ""
	}
	return b.Backend.Create(ctx, cfg)
}

func (b broken) Kill(ctx context.Context, ref, signal string) error {
	if b.defect == "leak" {
		go func() { select {} }()
	}
	return b.Backend.Kill(ctx, ref, signal)
}

func (b broken) Logs(ctx context.Context, ref string, opts vzcontract.LogOptions, emit func(vzcontract.LogEntry) error) error {
	if b.defect == "ignores-tail" {
		opts.Tail = -1
	}
	return b.Backend.Logs(ctx, ref, opts, emit)
}

// defects maps each defect to a check that must find it.
var defects = map[string]string{
	"exit-code":         "wait-many",
	"remove-running":    "remove-running",
	"ignores-read-only": "read-only-root",
	"ignores-user":      "user",
	"leak":              "exit-signals",
	"ignores-tail":      "logs-tail",
}

const defectVar = "VZ_CONFORMANCE_DEFECT"

// TestWithDefect is what TestFindsDefects runs in a process of its own.
func TestWithDefect(t *testing.T) {
	defect, ok := os.LookupEnv(defectVar)
	if !ok {
		t.Skip("runs only for TestFindsDefects")
	}
	cfg := conformance.Config{
		New:   func(*testing.T) vzcontract.RuntimeBackend { return broken{fake.New(), defect} },
		Image: fake.Builtin,
	}
	if defect == "unknown-skip" {
		cfg.Skip = map[string]string{"no-such-check": "for no reason"}
	}
	conformance.TestBackend(t, cfg)
}

func withDefect(t *testing.T, defect, check string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWithDefect$/^"+check+"$", "-test.v")
	cmd.Env = append(os.Environ(), defectVar+"="+defect)
	out, err := cmd.CombinedOutput()
	if _, failed := err.(*exec.ExitError); err != nil && !failed { //nolint:errorlint // nothing wraps it
		t.Fatal(err)
	}
	return out
}

// TestFindsDefects proves that the suite can fail.
func TestFindsDefects(t *testing.T) {
	for defect, check := range defects {
		t.Run(defect, func(t *testing.T) {
			t.Parallel()
			if out := withDefect(t, defect, check); !bytes.Contains(out, []byte("--- FAIL: TestWithDefect/"+check)) {
				t.Errorf("check %s passes on a backend with the defect %s:\n%s", check, defect, out)
			}
			if out := withDefect(t, "", check); bytes.Contains(out, []byte("FAIL")) || !bytes.Contains(out, []byte("--- PASS: TestWithDefect/"+check)) {
				t.Errorf("check %s does not pass without a defect:\n%s", check, out)
			}
		})
	}
}

func TestUnknownSkipFails(t *testing.T) {
	out := withDefect(t, "unknown-skip", "identity")
	if !regexp.MustCompile(`Skip names "no-such-check"`).Match(out) {
		t.Errorf("an unknown name in Skip passes:\n%s", out)
	}
}
