//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"vz.internal/tools/e2e/internal/need"
	"vz.internal/tools/internal/workspace"
)

// TestValidation runs the validation programs of the OCI runtime specification
// on `vz oci`: none may fail that runc passes on the same machine.
func TestValidation(t *testing.T) {
	if os.Getenv("VZ_VALIDATION") == "" {
		t.Skip("takes minutes: make validation")
	}
	need.Root(t)
	vz := need.VZ(t)
	runc := need.Programs(t, "runc", "tar", "unshare")
	dir := t.TempDir()
	names := validation(t, dir)
	before := validationGroups(t)
	t.Cleanup(func() { removeGroups(t, before) })
	ours := validationRuntime(t, dir, vz, "oci")
	theirs := validationRuntime(t, dir, runc)
	passed, both := 0, []string(nil)
	for _, name := range names {
		complaint := validate(t, dir, name, ours)
		switch {
		case complaint == "":
			passed++
		case validate(t, dir, name, theirs) == "":
			t.Errorf("%s: runc passes, vz does not: %s", name, complaint)
		default:
			both = append(both, name)
		}
	}
	t.Logf("%d of %d pass; runc fails too: %s", passed, len(names), strings.Join(both, " "))
	if passed < len(names)/2 {
		t.Errorf("only %d of %d pass: the machine lacks what they need, or the programs are not run as they should be", passed, len(names))
	}
}

// validation builds the programs into dir, beside what they read, and returns
// their names.
func validation(t *testing.T, dir string) []string {
	t.Helper()
	root, err := workspace.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = filepath.Join(root, "tools", "validation")
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0", "GOBIN="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go %s: %v", strings.Join(args, " "), err)
		}
		return strings.TrimSpace(string(out))
	}
	command("install", "tool")
	source := command("list", "-m", "-f", "{{.Dir}}", "github.com/opencontainers/runtime-tools")
	rootfs := fmt.Sprintf("rootfs-%s.tar.gz", runtime.GOARCH)
	if err := os.Symlink(filepath.Join(source, rootfs), filepath.Join(dir, rootfs)); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && e.Name() != "runtimetest" {
			names = append(names, e.Name())
		}
	}
	return names
}

// validationRuntime returns a runtime with a state directory of its own, whose
// containers go with the test.
func validationRuntime(t *testing.T, dir string, command ...string) string {
	t.Helper()
	state := t.TempDir()
	script := filepath.Join(dir, filepath.Base(command[0])+"-runtime")
	line := fmt.Sprintf("#!/bin/sh\nexec %s --root %s \"$@\"\n", strings.Join(command, " "), state)
	if err := os.WriteFile(script, []byte(line), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(state)
		if err != nil {
			t.Error(err)
		}
		for _, e := range left {
			if out, err := exec.Command(script, "delete", "--force", e.Name()).CombinedOutput(); err != nil {
				t.Logf("delete what a program has left: %v: %s", err, out)
			}
		}
	})
	return script
}

// excused is the directive of a line of TAP that may say "not ok".
var excused = regexp.MustCompile(`(?i)# *(todo|skip)\b`)

// validate runs one program, which speaks TAP, and returns its complaint. Its
// mounts go with it: some programs make a container without a mount namespace.
func validate(t *testing.T, dir, name, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", filepath.Join(dir, name))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "RUNTIME="+script)
	cmd.WaitDelay = time.Second // a container may keep its output
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "not ok") && !excused.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return fmt.Sprintf("%v: %s", err, out)
	}
	return ""
}

// validationGroups lists the control groups that the programs use by name.
func validationGroups(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"testdir", "cgrouptest"} {
		found, err := filepath.Glob("/sys/fs/cgroup/*/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

func removeGroups(t *testing.T, before []string) {
	for _, group := range validationGroups(t) {
		if slices.Contains(before, group) {
			continue
		}
		inner, err := filepath.Glob(group + "/cgrouptest")
		if err != nil {
			t.Error(err)
		}
		for _, g := range append(inner, group) {
			if err := os.Remove(g); err != nil {
				t.Errorf("left behind: %v", err)
			}
		}
	}
}
