package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/mod/modfile"

	"vz.internal/tools/internal/workspace"
)

// A tidied is a module's go.mod and go.sum as they should be.
type tidied struct {
	module *workspace.Module
	mod    []byte
	sum    []byte // nil for none
}

// tidyAll tidies every module apart from the workspace: its siblings are
// found in their directories, by a copy of its go.mod that replaces them.
func tidyAll(w *workspace.Workspace, use func(tidied) error) error {
	var errs []error
	for _, m := range w.Modules {
		t, err := tidy(w, m)
		if err == nil {
			err = use(t)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func tidy(w *workspace.Workspace, m *workspace.Module) (tidied, error) {
	t := tidied{module: m}
	return t, withCopy(w, m, func(file string) error {
		if err := goCommand(m, "mod", "tidy", "-modfile="+file); err != nil {
			return err
		}
		var err error
		if t.mod, err = withoutReplacements(file); err != nil {
			return err
		}
		t.sum, err = os.ReadFile(sumFile(file))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

func sumFile(mod string) string { return mod[:len(mod)-len(".mod")] + ".sum" }

// withCopy calls use with a copy of m's go.mod, beside a copy of its go.sum,
// that replaces all siblings by their directories.
func withCopy(w *workspace.Workspace, m *workspace.Module, use func(file string) error) (err error) {
	dir, err := os.MkdirTemp("", "modtool-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	data, err := os.ReadFile(m.File())
	if err != nil {
		return err
	}
	mod, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		return err
	}
	for _, sibling := range w.Modules {
		if sibling == m {
			continue
		}
		if err := mod.AddReplace(sibling.Path(), "", sibling.Dir, ""); err != nil {
			return err
		}
	}
	if data, err = mod.Format(); err != nil {
		return err
	}
	file := filepath.Join(dir, "go.mod")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return err
	}
	sum, err := os.ReadFile(sumFile(m.File()))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := os.WriteFile(sumFile(file), sum, 0o600); err != nil {
			return err
		}
	}
	return use(file)
}

func withoutReplacements(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	mod, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		return nil, err
	}
	for len(mod.Replace) > 0 {
		old := mod.Replace[0].Old
		if err := mod.DropReplace(old.Path, old.Version); err != nil {
			return nil, err
		}
		mod.Cleanup()
	}
	mod.Cleanup()
	return mod.Format()
}

// goCommand runs go in the module's directory, apart from the workspace.
func goCommand(m *workspace.Module, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir = m.Dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: go %s: %w\n%s", m.Name, args[0], err, out)
	}
	return nil
}

// writeBack writes what changed.
func writeBack(t tidied) error {
	if err := writeChanged(t.module.File(), t.mod); err != nil || t.sum == nil {
		return err
	}
	return writeChanged(sumFile(t.module.File()), t.sum)
}

func writeChanged(file string, data []byte) error {
	old, err := os.ReadFile(file)
	if err == nil && bytes.Equal(old, data) {
		return nil
	}
	fmt.Println("write", file)
	return os.WriteFile(file, data, 0o644) //nolint:gosec // a source file
}

// check fails where tidy would change something, where a module does not build
// by itself, and where the modules disagree on a version.
func check(w *workspace.Workspace) error {
	errs := []error{sameVersions(w)}
	errs = append(errs, tidyAll(w, func(t tidied) error {
		for file, want := range map[string][]byte{t.module.File(): t.mod, sumFile(t.module.File()): t.sum} {
			got, err := os.ReadFile(file)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if !bytes.Equal(got, want) {
				return fmt.Errorf("%s/%s is not tidy: run `go run ./modtool tidy` in tools", t.module.Name, filepath.Base(file))
			}
		}
		return nil
	}))
	for _, m := range w.Modules {
		errs = append(errs, withCopy(w, m, func(file string) error {
			return goCommand(m, "build", "-trimpath", "-tags=netgo,osusergo,seccomp", "-modfile="+file, "./...")
		}))
	}
	return errors.Join(errs...)
}

// sameVersions fails when two modules require a dependency at two versions.
func sameVersions(w *workspace.Workspace) error {
	first := map[string]*workspace.Module{}
	version := map[string]string{}
	var errs []error
	for _, m := range w.Published() {
		for _, r := range m.Mod.Require {
			if r.Indirect {
				continue
			}
			path := r.Mod.Path
			if other := first[path]; other != nil && version[path] != r.Mod.Version {
				errs = append(errs, fmt.Errorf("%s requires %s %s, %s requires %s", m.Name, path, r.Mod.Version, other.Name, version[path]))
			}
			first[path], version[path] = m, r.Mod.Version
		}
	}
	return errors.Join(errs...)
}
