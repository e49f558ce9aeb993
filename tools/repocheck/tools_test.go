package repocheck

import (
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// notTools are programs in tools that people do not call.
var notTools = map[string]string{
	"tools/vmtest/helper": "tests run it in a guest",
}

// TestToolsExplainThemselves asks of each program in tools a manual as package
// comment, which -h prints, and tests.
func TestToolsExplainThemselves(t *testing.T) {
	w := repo(t)
	docs, tested := map[string]string{}, map[string]bool{}
	for _, f := range goFiles(t) {
		dir := path.Dir(f.name)
		if f.module != "tools" || f.ast.Name.Name != "main" || notTools[dir] != "" {
			continue
		}
		tested[dir] = tested[dir] || f.test
		if f.ast.Doc != nil {
			docs[dir] = f.ast.Doc.Text()
		} else {
			docs[dir] += ""
		}
	}
	for dir, doc := range docs {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			name := path.Base(dir)
			if !strings.HasPrefix(doc, "Command "+name+" ") || !strings.Contains(doc, "\n\t") || !strings.Contains(doc, name+" ") {
				t.Errorf("%s: the package comment is no manual: begin it with %q and show how it is called", dir, "Command "+name)
			}
			if !tested[dir] {
				t.Errorf("%s has no tests", dir)
			}
			if apart(dir) {
				return // its own test run compiles it
			}
			cmd := exec.Command("go", "run", "-trimpath", ".", "-h")
			cmd.Dir = filepath.Join(w.Root, dir)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), strings.SplitN(doc, "\n", 2)[0]) {
				t.Errorf("%s -h: %v: does not print the package comment:\n%s", dir, err, out)
			}
		})
	}
}
