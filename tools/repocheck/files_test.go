package repocheck

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxLines is where a file should long have been two.
const maxLines = 400

func TestModulesAreComplete(t *testing.T) {
	w := repo(t)
	for _, m := range w.Published() {
		for _, name := range []string{"LICENSE", "README.md", "doc.go", "BUILD.bazel"} {
			if _, err := os.Stat(filepath.Join(m.Dir, name)); err != nil {
				t.Errorf("%s lacks %s: people get modules one by one, so each needs its own; add it as in the other modules", m.Name, name)
			}
		}
		if len(m.Mod.Replace) > 0 {
			t.Errorf("%s/go.mod has a replace, which nobody who requires the module would get: remove it, and require a version that exists", m.Name)
		}
	}
	for _, name := range []string{
		"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "PRINCIPLES.md", "CHANGELOG.md", "SECURITY.md", "LICENSE",
		"MODULE.bazel", "BUILD.bazel", ".bazelrc", ".bazelversion",
	} {
		if _, err := os.Stat(filepath.Join(w.Root, name)); err != nil {
			t.Errorf("the repository lacks %s", name)
		}
	}
}

// TestModulesHaveExamples asks each module that has code for an example that is
// run: one with its output.
func TestModulesHaveExamples(t *testing.T) {
	code, runs := map[string]bool{}, map[string]bool{}
	for _, f := range goFiles(t) {
		code[f.module] = code[f.module] || len(f.imports()) > 0
		if text := read(t, f.name); f.test && exampleFunc.MatchString(text) && exampleOutput.MatchString(text) {
			runs[f.module] = true
		}
	}
	for _, m := range repo(t).Published() {
		if code[m.Name] && !runs[m.Name] {
			t.Errorf("%s has no example that runs: write a func Example in an example_test.go that ends with what it prints", m.Name)
		}
	}
}

var (
	exampleFunc   = regexp.MustCompile(`(?m)^func Example`)
	exampleOutput = regexp.MustCompile(`(?m)^\t// (Unordered o|O)utput:`)
)

func TestPackageComments(t *testing.T) {
	commented := map[string]bool{}
	for _, f := range goFiles(t) {
		dir := path.Dir(f.name)
		if !f.test {
			commented[dir] = commented[dir] || f.ast.Doc != nil
		}
	}
	for dir, ok := range commented {
		if !ok {
			t.Errorf("the package in %s has no package comment: write above its package clause, in doc.go or main.go, what it is for", dir)
		}
	}
}

func TestEveryPackageHasABazelFile(t *testing.T) {
	w := repo(t)
	missing := map[string]bool{}
	for _, f := range goFiles(t) {
		dir := path.Dir(f.name)
		if _, err := os.Stat(filepath.Join(w.Root, dir, "BUILD.bazel")); err != nil && !apart(dir) {
			missing[dir] = true
		}
	}
	for dir := range missing {
		t.Errorf("%s has no BUILD.bazel: run `make generate`", dir)
	}
}

// apart reports whether a package belongs to a module outside of the workspace,
// which Bazel does not build.
func apart(dir string) bool { return under(dir, "tools/lint") || under(dir, "tools/release") }

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func TestFileLength(t *testing.T) {
	for _, name := range tracked(t) {
		if strings.HasSuffix(name, ".go") {
			text := read(t, name)
			if n := strings.Count(text, "\n"); n > maxLines && !generated.MatchString(text) {
				t.Errorf("%s has %d lines, at most %d are allowed: split it by noun", name, n, maxLines)
			}
		}
	}
}

// patterns are what must not be in a kind of file, with the reason.
var patterns = []struct {
	name    string
	files   *regexp.Regexp
	pattern *regexp.Regexp
	except  []string
}{
	{
		"a path of somebody's machine", regexp.MustCompile(`.`),
		regexp.MustCompile("(^|[\\s\"'`(=:])/(work/[a-z]|root/go|Users/[A-Za-z])"), nil,
	},
	{
		"an open end (do it, or say in the docs what does not work)", regexp.MustCompile(`\.(go|sh|mk)$|Makefile$`),
		regexp.MustCompile(`(//|#) ?(TODO|FIXME|XXX)\b`), nil,
	},
	{
		"a sleep in place of an event", regexp.MustCompile(`_test\.go$`),
		regexp.MustCompile(`\btime\.Sleep\(`), nil,
	},
	{
		"os.IsNotExist and its kin (use errors.Is)", regexp.MustCompile(`\.go$`),
		regexp.MustCompile(`\bos\.Is(NotExist|Exist|Permission)\(`), nil,
	},
}

func TestPatterns(t *testing.T) {
	for _, name := range tracked(t) {
		if name == "tools/repocheck/files_test.go" || strings.HasSuffix(name, ".sum") {
			continue
		}
		var text string
		for _, p := range patterns {
			if !p.files.MatchString(name) || slices.Contains(p.except, name) {
				continue
			}
			if text == "" {
				text = read(t, name)
			}
			if strings.Contains(text, "\x00") {
				break
			}
			for i, line := range strings.Split(text, "\n") {
				if p.pattern.MatchString(line) {
					t.Errorf("%s:%d has %s: %s", name, i+1, p.name, strings.TrimSpace(line))
				}
			}
		}
	}
}

// TestPatternsMatch shows that the patterns find what they are meant to find.
func TestPatternsMatch(t *testing.T) {
	for i, lines := range []struct{ bad, good string }{
		{"root := \"/Users/Ann/x\"", "cfg.WorkingDir = \"/home/app\""},
		{"// TODO: later", "// Todo lists are fine"},
		{"\ttime.Sleep(time.Second)", "\t// time.Sleep is not used"},
		{"if os.IsNotExist(err) {", "if errors.Is(err, fs.ErrNotExist) {"},
	} {
		if !patterns[i].pattern.MatchString(lines.bad) || patterns[i].pattern.MatchString(lines.good) {
			t.Errorf("the pattern for %s does not tell %q from %q", patterns[i].name, lines.bad, lines.good)
		}
	}
}

var (
	linkPattern    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headingPattern = regexp.MustCompile(`(?m)^#+ (.*)$`)
	anchorDrop     = regexp.MustCompile(`[^a-z0-9 _-]`)
)

func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, h := range headingPattern.FindAllStringSubmatch(text, -1) {
		all[strings.ReplaceAll(anchorDrop.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return all
}

// TestLinks resolves every link between the documents.
func TestLinks(t *testing.T) {
	w := repo(t)
	for _, name := range tracked(t) {
		if !strings.HasSuffix(name, ".md") {
			continue
		}
		for _, link := range linkPattern.FindAllStringSubmatch(read(t, name), -1) {
			target, anchor, _ := strings.Cut(link[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			file := name
			if target != "" {
				file = path.Join(path.Dir(name), target)
			}
			info, err := os.Stat(filepath.Join(w.Root, file))
			if err != nil {
				t.Errorf("%s links to %s, which does not exist: correct the link or add the file", name, link[1])
				continue
			}
			if anchor != "" && !info.IsDir() && !anchors(read(t, file))[anchor] {
				t.Errorf("%s links to %s, which has no such heading: name one of the page's", name, link[1])
			}
		}
	}
}
