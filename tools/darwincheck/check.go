package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
)

// A result is what the check of one architecture found.
type result struct {
	packages int // of the workspace
	files    int // of these, for darwin alone
	mistakes []string
	err      error
}

// check lists the packages, with what they import, and type-checks them in that order.
func check(dir, arch, tags string, patterns []string) (r result) {
	list, err := load(dir, arch, tags, patterns)
	if err != nil {
		r.err = err
		return r
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		r.err = err
		return r
	}
	c := &checker{fset: token.NewFileSet(), sizes: types.SizesFor("gc", arch), dir: dir, known: map[string]*types.Package{}}
	parsed := c.parseAll(list)
	for i, p := range list {
		if p.ours() && len(p.files()) > 0 {
			r.packages++
			r.files += p.darwinFiles()
		}
		c.check(p, <-parsed[i])
	}
	r.mistakes = c.mistakes
	return r
}

// A checker is one run of go/types over many packages.
type checker struct {
	fset     *token.FileSet
	sizes    types.Sizes
	dir      string
	known    map[string]*types.Package // by the import path that `go list` gives
	mistakes []string
}

func (c *checker) mistake(pos token.Position, text string) {
	if rel, err := filepath.Rel(c.dir, pos.Filename); err == nil && !strings.HasPrefix(rel, "..") {
		pos.Filename = rel
	}
	c.mistakes = append(c.mistakes, fmt.Sprintf("%s: %s", pos, text))
}

// check type-checks one package. Of those that others wrote only what they declare
// counts.
func (c *checker) check(p *pkg, files []parsedFile) {
	if p.Error != nil && p.ours() {
		c.mistakes = append(c.mistakes, strings.TrimPrefix(p.Error.Pos+": "+p.Error.Err, ": "))
	}
	var trees []*ast.File
	for _, f := range files {
		if f.err != nil {
			c.mistakes = append(c.mistakes, f.err.Error())
			continue
		}
		trees = append(trees, f.tree)
	}
	config := &types.Config{
		FakeImportC:      len(p.CgoFiles) > 0,
		IgnoreFuncBodies: !p.ours(),
		Importer:         importer{p.ImportMap, c.known},
		Sizes:            c.sizes,
		Error: func(err error) {
			if e, ok := err.(types.Error); ok {
				c.mistake(e.Fset.Position(e.Pos), e.Msg)
			}
		},
	}
	if p.Module != nil && p.Module.GoVersion != "" {
		config.GoVersion = "go" + p.Module.GoVersion
	}
	path, _, _ := strings.Cut(p.ImportPath, " [") // a package with its tests
	c.known[p.ImportPath], _ = config.Check(path, c.fset, trees, nil)
}

// An importer finds what has been checked before.
type importer struct {
	names map[string]string // of imports that are not what they are called
	known map[string]*types.Package
}

// Import implements types.Importer.
func (i importer) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if other, ok := i.names[path]; ok {
		path = other
	}
	if p := i.known[path]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%s is not in what `go list` told", path)
}
