package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// done is written last to a copy. It holds what made the copy, so that another program
// makes it anew.
const done = ".stubgen"

// copyModule copies the Go files of a module without its tests, examples and commands.
func copyModule(from, to string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program, err := os.Stat(self)
	if err != nil {
		return err
	}
	stamp := program.ModTime().String() + " " + from
	if was, err := os.ReadFile(filepath.Join(to, done)); err == nil && string(was) == stamp {
		return nil
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	err = filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch name := d.Name(); {
		case d.IsDir() && (name == "example" || name == "cmd" || name == "testdata" || name == "testhelper" || strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case name == "go.mod" || name == "go.sum":
			return copyFile(path, target)
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			return stubFile(path, target)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, done), []byte(stamp), 0o644)
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// stubFile writes the file without cgo and, beside it, what its functions call.
func stubFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	text, pkg, err := stub(from, text)
	if err != nil {
		return err
	}
	if pkg != "" {
		if err := os.WriteFile(filepath.Join(filepath.Dir(to), "stubgen.go"), fmt.Appendf(nil, opaqueText, pkg), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(to, text, 0o644)
}
