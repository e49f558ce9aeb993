// Command stubgen writes a copy of the workspace's go.work with which programs that
// know Go alone, such as `go vet` and staticcheck, work on what is built for a Mac. Of
// each module that it is given it makes a copy without cgo: all that others may use is
// there, as what it was, and what it does is not known.
//
//	stubgen -o DIR github.com/Code-Hex/vz/v3@v3.7.1   writes DIR/go.work and the copies
//	GOWORK=DIR/go.work GOOS=darwin CGO_ENABLED=0 go vet ./...
//
// What is in DIR already is kept if it was made by the same program from the same.
package main

import (
	_ "embed" // the manual
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"vz.internal/tools/internal/manual"
	"vz.internal/tools/internal/workspace"
)

//go:embed main.go
var source string

func main() {
	out := flag.String("o", "", "`directory` to write")
	manual.ForFlags(source)
	flag.Parse()
	if *out == "" || flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "stubgen:", err)
		os.Exit(1)
	}
}

func run(out string, modules []string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	root, err := workspace.Find(".")
	if err != nil {
		return err
	}
	w, err := workspace.Load(root)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	copies := map[string]string{}
	for _, module := range modules {
		path, version, ok := strings.Cut(module, "@")
		if !ok {
			return fmt.Errorf("%s: want MODULE@VERSION", module)
		}
		from, err := download(root, module)
		if err != nil {
			return err
		}
		to := filepath.Join(out, strings.ReplaceAll(path, "/", "_")+"@"+version)
		if err := copyModule(from, to); err != nil {
			return err
		}
		copies[path] = to
	}
	return writeWork(w, out, copies)
}

// download returns where the files of a module are.
func download(root, module string) (dir string, err error) {
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Dir = root
	text, err := cmd.Output()
	var answer struct{ Dir, Error string }
	if wrong := json.Unmarshal(text, &answer); err == nil {
		err = wrong
	}
	if answer.Error != "" {
		err = errors.New(answer.Error)
	}
	if err != nil {
		return "", fmt.Errorf("download %s: %w", module, err)
	}
	return answer.Dir, nil
}

// writeWork writes the workspace's go.work to out, with its directories absolute and
// each copy in place of its module.
func writeWork(w *workspace.Workspace, out string, copies map[string]string) error {
	work := &modfile.WorkFile{Syntax: new(modfile.FileSyntax)}
	if err := work.AddGoStmt(w.Work.Go.Version); err != nil {
		return err
	}
	for _, m := range w.Modules {
		if err := work.AddUse(m.Dir, m.Path()); err != nil {
			return err
		}
	}
	for _, r := range w.Work.Replace {
		to := r.New.Path
		if r.New.Version == "" {
			to = filepath.Join(w.Root, to)
		}
		if err := work.AddReplace(r.Old.Path, r.Old.Version, to, r.New.Version); err != nil {
			return err
		}
	}
	for path, dir := range copies {
		if err := work.AddReplace(path, "", dir, ""); err != nil {
			return err
		}
	}
	sums, err := os.ReadFile(filepath.Join(w.Root, "go.work.sum"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(out, "go.work"), modfile.Format(work.Syntax), 0o644),
		os.WriteFile(filepath.Join(out, "go.work.sum"), sums, 0o644),
	)
}
