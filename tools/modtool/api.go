package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"vz.internal/tools/internal/workspace"
)

// apiFile, in each published module, holds what other people can use of it.
const apiFile = "api.txt"

const apiHead = "# The exported API of this module on Linux, by package. A change here is a change for\n" +
	"# those who use it. Written by `make generate`, compared by `make check`.\n"

// writeAPI writes the API of every published module.
func writeAPI(w *workspace.Workspace) error {
	for _, m := range w.Published() {
		text, err := moduleAPI(m)
		if err != nil {
			return err
		}
		if err := writeChanged(filepath.Join(m.Dir, apiFile), text); err != nil {
			return err
		}
	}
	return nil
}

// checkAPI fails where the written API is not that of the code.
func checkAPI(w *workspace.Workspace) error {
	var errs []error
	for _, m := range w.Published() {
		want, err := moduleAPI(m)
		if err != nil {
			return err
		}
		got, err := os.ReadFile(filepath.Join(m.Dir, apiFile))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if line, more := firstDifference(string(got), string(want)); more {
			errs = append(errs, fmt.Errorf("%s/%s is not the API of the code, first at %q: if the change is meant, run `make generate` and say it in CHANGELOG.md", m.Name, apiFile, line))
		}
	}
	return errors.Join(errs...)
}

func firstDifference(got, want string) (line string, differ bool) {
	have, wanted := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(have), len(wanted)) {
		switch {
		case i >= len(wanted):
			return have[i], true
		case i >= len(have) || have[i] != wanted[i]:
			return wanted[i], true
		}
	}
	return "", false
}

// moduleAPI is the exported declarations of all packages that can be imported.
func moduleAPI(m *workspace.Module) ([]byte, error) {
	var dirs []string
	err := filepath.WalkDir(m.Dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if slices.Contains([]string{"internal", "testdata", "cmd"}, d.Name()) {
			return fs.SkipDir
		}
		dirs = append(dirs, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	text := bytes.NewBufferString(apiHead)
	for _, dir := range dirs {
		decls, err := packageAPI(dir)
		if err != nil {
			return nil, err
		}
		if len(decls) == 0 {
			continue
		}
		rel, err := filepath.Rel(m.Dir, dir)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(text, "\npackage %s\n", path.Join(m.Path(), filepath.ToSlash(rel)))
		for _, d := range decls {
			fmt.Fprintf(text, "\n%s\n", d)
		}
	}
	return text.Bytes(), nil
}

// packageAPI returns the exported declarations in dir, sorted, without comments
// and bodies.
func packageAPI(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	linux := build.Default
	linux.GOOS, linux.GOARCH, linux.CgoEnabled = "linux", "amd64", true
	linux.BuildTags = []string{"netgo", "osusergo", "seccomp"}
	var decls []string
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if match, err := linux.MatchFile(dir, name); err != nil || !match {
			if err != nil {
				return nil, err
			}
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if file.Name.Name == "main" || !ast.FileExports(file) {
			continue
		}
		for _, d := range file.Decls {
			text, err := declText(files, d)
			if err != nil {
				return nil, err
			}
			if text != "" {
				decls = append(decls, text)
			}
		}
	}
	slices.Sort(decls)
	return decls, nil
}

// declText prints a declaration of which only what is exported is left. Comments
// and how things are laid out leave no trace in it.
func declText(files *token.FileSet, d ast.Decl) (string, error) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		d.Body = nil
		if d.Recv != nil {
			if !ast.IsExported(receiver(d.Recv.List[0].Type)) {
				return "", nil
			}
			d.Recv.List[0].Names = nil
		}
	case *ast.GenDecl:
		if d.Tok == token.IMPORT {
			return "", nil
		}
	}
	var text bytes.Buffer
	cfg := printer.Config{Mode: printer.RawFormat, Tabwidth: 8}
	if err := cfg.Fprint(&text, files, d); err != nil {
		return "", err
	}
	var lines []string
	for line := range strings.Lines(text.String()) {
		if line = strings.TrimRight(line, " \t\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n"), nil
}

// receiver is the name of the type that a method's receiver has.
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.IndexListExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}
