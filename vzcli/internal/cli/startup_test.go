package cli

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// banned are packages whose init is too dear for a program that lives for
// milliseconds, with the program that owns them.
var banned = map[string]string{
	"github.com/compose-spec/compose-go":     "vz-stack",
	"modernc.org/sqlite":                     "vz-stack",
	"github.com/charmbracelet/bubbletea":     "vz-stack",
	"charm.land/bubbletea":                   "vz-stack",
	"github.com/containers/gvisor-tap-vsock": "vz-vmm",
	"mvdan.cc/sh":                            "vz-box",
	"net/http/pprof":                         "nobody",
	"html/template":                          "nobody",
}

const program = "vz.internal/vzcli/cmd/vz"

func TestLinkedPackages(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", program).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, path := range strings.Fields(string(out)) {
		for prefix, owner := range banned {
			if path == prefix || strings.HasPrefix(path, prefix+"/") {
				t.Errorf("vz links %s, which belongs to %s", path, owner)
			}
		}
	}
}

// TestInitTimes holds the start-up budget: no package takes above 1 ms to
// initialise. The quickest of several starts counts, so a busy machine does
// not matter.
func TestInitTimes(t *testing.T) {
	vz := filepath.Join(t.TempDir(), "vz")
	if out, err := exec.Command("go", "build", "-o", vz, program).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	best := map[string]float64{}
	for range 5 {
		cmd := exec.Command(vz, "version")
		cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		trace, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		scanner := bufio.NewScanner(trace)
		for scanner.Scan() {
			if m := initLine.FindStringSubmatch(scanner.Text()); m != nil {
				took, err := strconv.ParseFloat(m[2], 64)
				if err != nil {
					t.Fatal(err)
				}
				if old, seen := best[m[1]]; !seen || took < old {
					best[m[1]] = took
				}
			}
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if len(best) < 5 {
		t.Fatalf("the trace names only %d packages", len(best))
	}
	for pkg, took := range best {
		if took > 1 {
			t.Errorf("init of %s takes %.3f ms, more than 1 ms", pkg, took)
		}
	}
}

var initLine = regexp.MustCompile(`^init (\S+) @\S+ ms, (\S+) ms clock`)
