package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// goRoot stands for Go's own directory among those of the modules.
const goRoot = "GOROOT"

// moduleDirs maps each module of the workspace's build to its directory.
func moduleDirs(root string) (map[string]string, error) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Path}}\t{{.Dir}}", "all")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK=", "GOFLAGS=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list -m all: %w: %s", err, stderr.Bytes())
	}
	root, err = goEnv(goRoot)
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{goRoot: root}
	for line := range strings.Lines(string(out)) {
		path, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		dirs[path] = dir
	}
	return dirs, nil
}

func goEnv(name string) (string, error) {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		return "", fmt.Errorf("go env %s: %w", name, err)
	}
	return strings.TrimSpace(string(out)), nil
}

var licenseName = regexp.MustCompile(`(?i)^((un)?licen[cs]e|copying|notice|copyright|patents)([.-].*)?$`)

// licenseText is the licenses of all parts that are not vz's own. A part without
// one is an error: it could not be given to others.
func licenseText(parts []part, modules map[string]string) ([]byte, error) {
	var text bytes.Buffer
	text.WriteString("The programs of vz contain the following software.\n")
	var errs []error
	for _, p := range parts {
		var dir string
		switch p.kind {
		case ownModule:
			continue
		case goItself:
			dir = modules[goRoot]
		case cLibrary:
			dir = filepath.Join("/usr/share/doc", p.name)
		case goModule:
			dir = modules[p.name]
		}
		found, err := licensesIn(dir)
		if err != nil || len(found) == 0 {
			errs = append(errs, errors.Join(err, fmt.Errorf("%s %s has no license file in %q", p.name, p.version, dir)))
			continue
		}
		for _, name := range found {
			data, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&text, "\n%s\n%s %s: %s\n\n%s", strings.Repeat("=", 78), p.name, p.version, name, data)
		}
	}
	return text.Bytes(), errors.Join(errs...)
}

func licensesIn(dir string) ([]string, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		if licenseName.MatchString(e.Name()) && e.Type().IsRegular() {
			found = append(found, e.Name())
		}
	}
	return found, nil
}
