package doctor

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestRun holds what every result owes its reader: a verdict that is known,
// words, and a remedy wherever containers do not run.
func TestRun(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("requires linux")
	}
	dir := t.TempDir()
	home := filepath.Join(dir, "not", "yet", "made")
	seen := map[string]bool{}
	for _, r := range Run(t.Context(), Dirs{Home: home, Run: dir}) {
		t.Logf("%-8s %-18s %s", r.Status, r.Name, r.Detail)
		if seen[r.Name] {
			t.Errorf("two checks are called %s", r.Name)
		}
		seen[r.Name] = true
		switch r.Status {
		case OK, Warning, Missing:
		case Failed:
			if r.Remedy == "" && os.Geteuid() == 0 {
				t.Errorf("%s failed without a remedy: %s", r.Name, r.Detail)
			}
		default:
			t.Errorf("%s: unknown status %q", r.Name, r.Status)
		}
		if r.Detail == "" {
			t.Errorf("%s says nothing", r.Name)
		}
	}
	for _, name := range []string{"kernel", "user", "cgroups", "overlay", "seccomp", "nftables", "state directory"} {
		if !seen[name] {
			t.Errorf("no check is called %s", name)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("the checks left %v behind, %v", left, err)
	}
}
