package repocheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"vz.internal/tools/internal/workspace"
)

// load reads the workspace that this package is in.
var load = sync.OnceValues(func() (*workspace.Workspace, error) {
	root, err := workspace.Find(".")
	if err != nil {
		return nil, err
	}
	return workspace.Load(root)
})

func repo(t *testing.T) *workspace.Workspace {
	t.Helper()
	w, err := load()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// tracked lists the files of the repository, relative to its root: what git
// tracks or would, else all.
func tracked(t *testing.T) []string {
	t.Helper()
	w := repo(t)
	cmd := exec.Command("git", "-C", w.Root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	out, err := cmd.Output()
	if err != nil {
		return walked(t, w.Root)
	}
	var files []string
	for file := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if info, err := os.Lstat(filepath.Join(w.Root, file)); err == nil && info.Mode().IsRegular() {
			files = append(files, file)
		}
	}
	return files
}

// walked lists the files where git is missing, as in an unpacked archive.
func walked(t *testing.T, root string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == ".cache" || d.Name() == "bin"):
			return fs.SkipDir
		case d.Type().IsRegular():
			rel, err := filepath.Rel(root, p)
			files = append(files, rel)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A goFile is a parsed Go file.
type goFile struct {
	name   string // relative to the root
	module string // directory of its module
	ast    *ast.File
	test   bool
}

func goFiles(t *testing.T) []goFile {
	t.Helper()
	w := repo(t)
	var files []goFile
	for _, name := range tracked(t) {
		module, rest, _ := strings.Cut(name, "/")
		if !strings.HasSuffix(name, ".go") || rest == "" || strings.Contains(name, "/testdata/") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(w.Root, name), nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		files = append(files, goFile{name, module, f, strings.HasSuffix(name, "_test.go")})
	}
	return files
}

func (f goFile) imports() []string {
	var paths []string
	for _, spec := range f.ast.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, `"`))
	}
	return paths
}

// under reports whether path is prefix or below it.
func under(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repo(t).Root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
