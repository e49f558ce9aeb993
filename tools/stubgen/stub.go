package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/format"
	"go/parser"
	"go/token"
	"path"
	"strconv"
	"strings"
)

// stub returns the text of a Go file without C, and its package: what functions return
// is not known, values of C's types are numbers, and what cannot be declared without C,
// which nobody outside can use, is left out. A file that has no C stays as it is, and is
// of no package.
func stub(name string, text []byte) (out []byte, pkg string, err error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, "", err
	}
	if !importsC(file) {
		return text, "", nil
	}
	text, err = withoutC(fset, file)
	return text, file.Name.Name, err
}

func withoutC(fset *token.FileSet, file *ast.File) ([]byte, error) {
	var out bytes.Buffer
	for _, group := range file.Comments {
		for _, c := range group.List {
			if c.Pos() < file.Package && constraint.IsGoBuild(c.Text) {
				out.WriteString(c.Text + "\n\n")
			}
		}
	}
	file.Comments, file.Doc = nil, nil
	var kept []ast.Decl
	for _, d := range file.Decls {
		if keep(d) {
			kept = append(kept, d)
		}
	}
	file.Decls = kept
	blankUnused(file)
	if err := format.Node(&out, fset, file); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func importsC(file *ast.File) bool {
	for _, i := range file.Imports {
		if i.Path.Value == `"C"` {
			return true
		}
	}
	return false
}

// usesC tells whether something of C is named in n.
func usesC(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			id, ok := s.X.(*ast.Ident)
			found = found || ok && id.Name == "C"
		}
		return !found
	})
	return found
}

// keep takes C out of a declaration, and tells whether something of it is left.
func keep(d ast.Decl) bool {
	switch d := d.(type) {
	case *ast.FuncDecl:
		d.Doc = nil
		if usesC(d.Type) || d.Recv != nil && usesC(d.Recv) || d.Recv == nil && d.Name.Name == "init" {
			return false
		}
		if d.Body != nil {
			d.Body = opaqueBody(d.Type)
		}
	case *ast.GenDecl:
		d.Doc = nil
		var kept []ast.Spec
		for _, s := range d.Specs {
			if keepSpec(s) {
				kept = append(kept, s)
			}
		}
		d.Specs = kept
		return len(kept) > 0
	}
	return true
}

// opaque is a variable that each package with stubs has. What a function does that calls
// it nobody can know: linters take neither a panic nor zero for what is returned.
const opaque = "stubgenOpaque"

// opaqueText declares it.
const opaqueText = "package %s\n\n// " + opaque + " does whatever C did.\nvar " + opaque + " func(results ...any)\n"

// opaqueBody is the body of a function that returns anything.
func opaqueBody(f *ast.FuncType) *ast.BlockStmt {
	call := &ast.CallExpr{Fun: ast.NewIdent(opaque)}
	body := &ast.BlockStmt{List: []ast.Stmt{&ast.ExprStmt{X: call}}}
	if f.Results == nil {
		return body
	}
	for i, field := range f.Results.List {
		if len(field.Names) == 0 {
			field.Names = []*ast.Ident{ast.NewIdent("stub" + strconv.Itoa(i))}
		}
		for j, name := range field.Names {
			if name.Name == "_" {
				name.Name = fmt.Sprintf("stub%d_%d", i, j)
			}
			call.Args = append(call.Args, &ast.UnaryExpr{Op: token.AND, X: ast.NewIdent(name.Name)})
		}
	}
	body.List = append(body.List, &ast.ReturnStmt{})
	return body
}

func keepSpec(s ast.Spec) bool {
	switch s := s.(type) {
	case *ast.ImportSpec:
		return s.Path.Value != `"C"`
	case *ast.TypeSpec:
		s.Doc, s.Comment = nil, nil
		fields, ok := s.Type.(*ast.StructType)
		if !ok {
			if usesC(s.Type) {
				s.Type = ast.NewIdent("int")
			}
			return true
		}
		for _, f := range fields.Fields.List {
			f.Doc, f.Comment = nil, nil
			if usesC(f.Type) {
				f.Type = ast.NewIdent("uintptr")
			}
		}
	case *ast.ValueSpec:
		s.Doc, s.Comment = nil, nil
		for i, v := range s.Values {
			if usesC(v) {
				s.Values[i] = &ast.BasicLit{Kind: token.INT, Value: "0"}
			}
		}
		if s.Type != nil && usesC(s.Type) {
			s.Type = ast.NewIdent("int")
		}
	}
	return true
}

// blankUnused renames imports that nothing needs any more to "_".
func blankUnused(file *ast.File) {
	used := map[string]bool{}
	for _, d := range file.Decls {
		ast.Inspect(d, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if id, ok := s.X.(*ast.Ident); ok {
					used[id.Name] = true
				}
			}
			return true
		})
	}
	for _, i := range file.Imports {
		if i.Path.Value == `"C"` || i.Name != nil && used[i.Name.Name] {
			continue
		}
		if i.Name != nil || !used[packageName(i.Path.Value)] {
			i.Name = ast.NewIdent("_")
		}
	}
}

// packageName guesses what a package is called by its import path.
func packageName(quoted string) string {
	full, _ := strconv.Unquote(quoted)
	name := path.Base(full)
	if len(name) > 1 && name[0] == 'v' && strings.Trim(name[1:], "0123456789") == "" {
		name = path.Base(path.Dir(full))
	}
	return name
}
