package repocheck

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// siblings lists, for each module, the modules of this repository that it may
// import.
var siblings = map[string][]string{
	"vzcontract":    nil,
	"vzcore":        {"vzcontract"},
	"vzlinuxnative": {"vzcontract"},
	"vzlinux":       {"vzcontract", "vzcore", "vzlinuxnative"},
	"vzoci":         {"vzcontract", "vzcore", "vzlinux"},
	"vzsandbox":     {"vzcontract", "vzcore", "vzlinux"},
	"vzstack":       {"vzcontract"},
	"vzcli":         {"vzcontract", "vzcore", "vzlinuxnative", "vzlinux", "vzoci", "vzsandbox", "vzstack"},
	"tools":         {"vzcontract", "vzcore", "vzlinuxnative", "vzlinux", "vzoci", "vzsandbox", "vzstack", "vzcli"},
}

// owners lists heavy dependencies with the only module that may import each.
var owners = map[string]string{
	"github.com/Code-Hex/vz":                 "vzcore",
	"github.com/containers/gvisor-tap-vsock": "vzcore",
	"howett.net/plist":                       "vzcore",
	"github.com/opencontainers/runc":         "vzlinuxnative",
	"github.com/opencontainers/cgroups":      "vzlinuxnative",
	"github.com/vishvananda/netlink":         "vzlinuxnative",
	"github.com/google/nftables":             "vzlinuxnative",
	"github.com/miekg/dns":                   "vzlinuxnative",
	"github.com/mdlayher/vsock":              "vzlinux",
	"github.com/google/go-containerregistry": "vzoci",
	"github.com/klauspost/compress":          "vzoci",
	"github.com/compose-spec/compose-go":     "vzstack",
	"modernc.org/sqlite":                     "vzstack",
	"github.com/alecthomas/kong":             "vzcli",
}

// banned lists dependencies that nobody may import, with the reason.
var banned = map[string]string{
	"github.com/docker/docker":         "a client of the daemon that vz replaces, with hundreds of dependencies",
	"github.com/containerd/containerd": "a daemon's libraries; vz has its own store and monitor",
	"github.com/containers/image":      "go-containerregistry does the registry protocol",
	"github.com/pkg/errors":            "the standard library wraps errors",
	"github.com/sirupsen/logrus":       "log/slog is the logger",
	"github.com/spf13/cobra":           "kong is the command line",
	"io/ioutil":                        "deprecated: use io and os",
	"github.com/golang/mock":           "fakes, not mocks: vzcontract/fake passes the conformance suite",
}

// allowed lists what a file may import though it is banned, with the reason.
var allowed = map[string]string{
	"vzlinuxnative/internal/engine/libct/engine_linux.go github.com/sirupsen/logrus": "to silence the logger that libcontainer has",
	"vzstack/compose/warning.go github.com/sirupsen/logrus":                          "compose-go gives its warnings to nobody else",
}

func TestImportRules(t *testing.T) {
	w := repo(t)
	for _, f := range goFiles(t) {
		mayImport, known := siblings[f.module]
		if !known {
			t.Errorf("%s lies in %s, which is no module of this repository", f.name, f.module)
			continue
		}
		for _, path := range f.imports() {
			if rest, ours := strings.CutPrefix(path, w.Prefix()); ours {
				target, _, _ := strings.Cut(rest, "/")
				if target != f.module && !slices.Contains(mayImport, target) {
					t.Errorf("%s imports %s: %s may import only %q of its siblings; let the caller hand in what it has of the other", f.name, path, f.module, mayImport)
				}
			}
			for dependency, owner := range owners {
				if under(path, dependency) && f.module != owner && !f.test {
					t.Errorf("%s imports %s: only %s may; use what that module makes of it", f.name, path, owner)
				}
			}
			for dependency, why := range banned {
				if under(path, dependency) && allowed[f.name+" "+path] == "" {
					t.Errorf("%s imports %s, which is banned: %s", f.name, path, why)
				}
			}
			if first, _, _ := strings.Cut(path, "/"); f.module == "vzcontract" && strings.Contains(first, ".") && !strings.HasPrefix(path, w.Prefix()) {
				t.Errorf("%s imports %s: vzcontract has only the standard library", f.name, path)
			}
		}
	}
}

// heavy lists packages whose init would be paid at every start of a small
// program.
var heavy = []string{
	"github.com/compose-spec/compose-go", "modernc.org/sqlite", "github.com/containers/gvisor-tap-vsock", "github.com/charmbracelet/bubbletea",
	"charm.land/bubbletea",
}

// TestStartUpBudget holds the start-up time of the programs on the hot path by
// what they link.
func TestStartUpBudget(t *testing.T) {
	w := repo(t)
	programs := map[string]string{"vz": "vzcli", "vz-monitor": "vzlinuxnative", "vz-sandbox": "vzcli"}
	for program, module := range programs {
		dir := filepath.Join(w.Root, module)
		if matches, err := filepath.Glob(filepath.Join(dir, "cmd", program, "*.go")); err != nil || len(matches) == 0 {
			t.Errorf("%s/cmd/%s is missing, so its budget cannot be checked", module, program)
			continue
		}
		cmd := exec.Command("go", "list", "-deps", "-tags=netgo,osusergo,seccomp", "./cmd/"+program)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("list what %s links: %v", program, err)
			continue
		}
		for path := range strings.Lines(string(out)) {
			path = strings.TrimSpace(path)
			for _, h := range heavy {
				if under(path, h) {
					t.Errorf("%s links %s, whose init every start would pay", program, path)
				}
			}
			if program == "vz-monitor" && under(path, "github.com/google/go-containerregistry") {
				t.Errorf("vz-monitor links %s; images are the business of vz", path)
			}
		}
	}
}
