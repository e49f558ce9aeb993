// Package workspace reads go.work and the modules that it uses.
package workspace

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
)

// A Module is one module of the workspace.
type Module struct {
	Dir  string // absolute
	Name string // the directory's name
	Mod  *modfile.File
}

// Path is the module's path.
func (m *Module) Path() string { return m.Mod.Module.Mod.Path }

// File is the module's go.mod.
func (m *Module) File() string { return filepath.Join(m.Dir, "go.mod") }

// A Workspace is a go.work with its modules.
type Workspace struct {
	Root    string
	Work    *modfile.WorkFile
	Modules []*Module // each after those that it requires
}

// Find returns the directory at or above dir that holds go.work.
func Find(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.work")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("no go.work at or above %s", dir)
		}
	}
}

// Load reads the workspace at root.
func Load(root string) (*Workspace, error) {
	file := filepath.Join(root, "go.work")
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork(file, data, nil)
	if err != nil {
		return nil, err
	}
	w := &Workspace{Root: root, Work: work}
	byPath := map[string]*Module{}
	var all []*Module
	for _, use := range work.Use {
		m := &Module{Dir: filepath.Join(root, use.Path), Name: filepath.Base(use.Path)}
		data, err := os.ReadFile(m.File())
		if err != nil {
			return nil, err
		}
		if m.Mod, err = modfile.Parse(m.File(), data, nil); err != nil {
			return nil, err
		}
		byPath[m.Path()] = m
		all = append(all, m)
	}
	placed := map[*Module]int{} // 1 in progress, 2 done
	var place func(m *Module) error
	place = func(m *Module) error {
		switch placed[m] {
		case 1:
			return fmt.Errorf("the modules require each other in a circle at %s", m.Path())
		case 2:
			return nil
		}
		placed[m] = 1
		for _, r := range m.Mod.Require {
			if dep := byPath[r.Mod.Path]; dep != nil {
				if err := place(dep); err != nil {
					return err
				}
			}
		}
		placed[m] = 2
		w.Modules = append(w.Modules, m)
		return nil
	}
	for _, m := range all {
		if err := place(m); err != nil {
			return nil, err
		}
	}
	if len(w.Modules) == 0 {
		return nil, errors.New("go.work uses no module")
	}
	return w, nil
}

// Prefix is what all module paths begin with, "vz.internal/".
func (w *Workspace) Prefix() string {
	path := w.Modules[0].Path()
	return path[:strings.LastIndex(path, "/")+1]
}

// Published returns the modules that other people get: all but tools.
func (w *Workspace) Published() []*Module {
	var list []*Module
	for _, m := range w.Modules {
		if m.Name != "tools" {
			list = append(list, m)
		}
	}
	return list
}

// Sibling returns the module of the workspace with the path, or nil.
func (w *Workspace) Sibling(path string) *Module {
	for _, m := range w.Modules {
		if m.Path() == path {
			return m
		}
	}
	return nil
}
