package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"vz.internal/tools/internal/workspace"
)

// released is the version that the workspace's modules require of each other.
func released(w *workspace.Workspace) (string, error) {
	for _, m := range w.Modules {
		for _, r := range m.Mod.Require {
			if w.Sibling(r.Mod.Path) != nil {
				return r.Mod.Version, nil
			}
		}
	}
	return "", errors.New("no module requires another one, so there is no version")
}

// writeProxy writes every published module in the layout of a Go module proxy.
func writeProxy(w *workspace.Workspace, dir string) error {
	version, err := released(w)
	if err != nil {
		return err
	}
	for _, m := range w.Published() {
		if err := writeModule(m, module.Version{Path: m.Path(), Version: version}, dir); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return nil
}

func writeModule(m *workspace.Module, v module.Version, dir string) error {
	escaped, err := module.EscapePath(v.Path)
	if err != nil {
		return err
	}
	at := filepath.Join(dir, escaped, "@v")
	if err := os.MkdirAll(at, 0o755); err != nil { //nolint:gosec // for a file server
		return err
	}
	mod, err := os.ReadFile(m.File())
	if err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{v.Version, time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{"list": []byte(v.Version + "\n"), v.Version + ".info": info, v.Version + ".mod": mod} {
		if err := os.WriteFile(filepath.Join(at, name), data, 0o644); err != nil { //nolint:gosec // for a file server
			return err
		}
	}
	out, err := os.Create(filepath.Join(at, v.Version+".zip"))
	if err != nil {
		return err
	}
	return errors.Join(zip.CreateFromDir(out, v, m.Dir), out.Close())
}
