package repocheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// uncommented lists the exported identifiers of a file that say nothing about
// themselves. A group of constants or variables has one comment for all; the
// fields of a struct and the methods of an interface are left to their type's.
func uncommented(file *ast.File) []string {
	var names []string
	missing := func(name string, docs ...*ast.CommentGroup) {
		if ast.IsExported(name) && !slices.ContainsFunc(docs, func(d *ast.CommentGroup) bool { return d != nil }) {
			names = append(names, name)
		}
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if of := receiver(d); of == "" || ast.IsExported(of) {
				missing(d.Name.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					missing(s.Name.Name, s.Doc, d.Doc, s.Comment)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						missing(n.Name, s.Doc, d.Doc, s.Comment)
					}
				}
			}
		}
	}
	return names
}

// receiver is the type whose method d is, or "".
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	t := d.Recv.List[0].Type
	for {
		switch of := t.(type) {
		case *ast.StarExpr:
			t = of.X
		case *ast.IndexExpr:
			t = of.X
		case *ast.IndexListExpr:
			t = of.X
		case *ast.Ident:
			return of.Name
		default:
			return ""
		}
	}
}

func TestExportedNamesAreCommented(t *testing.T) {
	w := repo(t)
	for _, f := range goFiles(t) {
		if f.test || f.ast.Name.Name == "main" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(w.Root, f.name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range uncommented(file) {
			t.Errorf("%s: %s has no comment: say above it what it promises", f.name, name)
		}
	}
}

// TestUncommented shows what the rule finds.
func TestUncommented(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x

type Bare struct{ Field int }

// Said is commented.
type Said struct{}

func (Said) Method() {}

func (*hidden[T]) Method() {}

// Both are commented.
const (
	One = 1
	Two = 2
)

var Value, other = 1, 2

var Short = 3 // says it behind
`, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(uncommented(file), " "); got != "Bare Method Value" {
		t.Errorf("uncommented = %q", got)
	}
}
