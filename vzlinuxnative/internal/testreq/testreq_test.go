package testreq

import (
	"strings"
	"testing"
)

// recorder is a testing.TB that notes how need ended the test.
type recorder struct {
	testing.TB
	skipped, failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Skipf(string, ...any)  { r.skipped = true }
func (r *recorder) Fatalf(string, ...any) { r.failed = true }

func TestNeed(t *testing.T) {
	tests := []struct {
		name, require, why string
		skipped, failed    bool
	}{
		{name: "met", require: "root"},
		{name: "missing", why: "no root", skipped: true},
		{name: "missing and required", require: "net, root", why: "no root", failed: true},
		{name: "another required", require: "net,rootless", why: "no root", skipped: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("VZ_REQUIRE", tt.require)
			r := &recorder{TB: t}
			need(r, needRoot, tt.why)
			if r.skipped != tt.skipped || r.failed != tt.failed {
				t.Errorf("need: skipped %v, failed %v, want %v, %v", r.skipped, r.failed, tt.skipped, tt.failed)
			}
		})
	}
}

func TestProgramPaths(t *testing.T) {
	paths := Program(t, "sh", "ls")
	if len(paths) != 2 || !strings.HasSuffix(paths[0], "/sh") || !strings.HasSuffix(paths[1], "/ls") {
		t.Errorf("Program = %q, want the paths of sh and ls", paths)
	}
}

func TestMissingProgramSkips(t *testing.T) {
	t.Setenv("VZ_REQUIRE", "")
	r := &recorder{TB: t}
	Program(r, "no-such-program-of-vz")
	if !r.skipped {
		t.Error("a missing program did not skip the test")
	}
}
