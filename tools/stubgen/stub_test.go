package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const withC = `//go:build darwin

package x

/*
#include <none.h>
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// T has a field of C's.
type T struct {
	n C.int // a comment
	p unsafe.Pointer
}

type number C.int

const First = C.FIRST

var second C.int = C.SECOND

func init() { C.begin() }

func New(name string) (*T, error) {
	fmt.Println(name)
	return &T{n: C.make(C.CString(name))}, nil
}

func (t *T) Both() (n int, _ error) { return int(t.n), nil }

func (t *T) Nothing() { C.nothing() }

func plumbing(n C.int) {}
`

func TestStub(t *testing.T) {
	text, pkg, err := stub("x.go", []byte(withC))
	if err != nil {
		t.Fatal(err)
	}
	if pkg != "x" {
		t.Errorf("the package is %q", pkg)
	}
	got := string(text)
	for _, want := range []string{
		"//go:build darwin\n", "n uintptr", "p unsafe.Pointer", "type number int", "const First = 0", "var second int = 0",
		"func New(name string) (stub0 *T, stub1 error) { stubgenOpaque(&stub0, &stub1); return }", `_ "fmt"`,
		"func (t *T) Nothing() { stubgenOpaque() }",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	for _, gone := range []string{`"C"`, "C.", "plumbing", "init", "a comment"} {
		if strings.Contains(got, gone) {
			t.Errorf("%q is still in\n%s", gone, got)
		}
	}
}

func TestStubLeavesGoAlone(t *testing.T) {
	const plain = "package x\n\n// Said.\nvar X = 1 // here\n"
	text, pkg, err := stub("x.go", []byte(plain))
	if err != nil || pkg != "" || string(text) != plain {
		t.Errorf("stub = %q, %q, %v", text, pkg, err)
	}
}

// TestCopyBuilds copies a module that nothing could build without C, and vets a program
// that uses it.
func TestCopyBuilds(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	for name, text := range map[string]string{
		"go.mod": "module example.org/x\n\ngo 1.26.0\n", "x.go": withC, "x_test.go": "package x\n", "x.m": "", "example/main.go": "package main\n",
	} {
		file := filepath.Join(from, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time it is there
		if err := copyModule(from, to); err != nil {
			t.Fatal(err)
		}
	}
	for _, gone := range []string{"x_test.go", "x.m", "example"} {
		if _, err := os.Stat(filepath.Join(to, gone)); err == nil {
			t.Errorf("%s was copied", gone)
		}
	}
	cmd := exec.Command("go", "vet", ".")
	cmd.Dir = to
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOOS=darwin", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
