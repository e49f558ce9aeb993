package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A part is something that was linked into programs.
type part struct {
	name    string // module path, or the name of a C library's package
	version string
	sum     string // go.sum's hash, for a module of somebody else
	kind    partKind
	usedBy  []string
}

type partKind int

const (
	goModule partKind = iota
	ownModule
	goItself
	cLibrary
)

// partsOf reads from the programs themselves what they were made of.
func partsOf(dir string, programs []string) ([]part, error) {
	all := map[string]*part{}
	use := func(p part, program string) {
		key := p.name + "@" + p.version
		if all[key] == nil {
			all[key] = &p
		}
		all[key].usedBy = append(all[key].usedBy, filepath.Base(program))
	}
	for _, program := range programs {
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			return nil, err
		}
		own, _, _ := strings.Cut(info.Main.Path, "/")
		use(part{name: "std", version: strings.TrimPrefix(info.GoVersion, "go"), kind: goItself}, program)
		for _, m := range info.Deps {
			if m.Replace != nil {
				return nil, fmt.Errorf("%s: %s is replaced by %s: a release is made of published modules", program, m.Path, m.Replace.Path)
			}
			p := part{name: m.Path, version: m.Version, sum: m.Sum}
			if strings.HasPrefix(m.Path, own+"/") {
				p.kind = ownModule
			}
			use(p, program)
		}
	}
	libraries, err := cLibraries(dir, programs)
	if err != nil {
		return nil, err
	}
	parts := libraries
	for _, p := range all {
		parts = append(parts, *p)
	}
	slices.SortFunc(parts, func(a, b part) int { return strings.Compare(a.name+"@"+a.version, b.name+"@"+b.version) })
	return parts, nil
}

// cLibraries reads the list that the build wrote of what cgo linked.
func cLibraries(dir string, programs []string) ([]part, error) {
	data, err := os.ReadFile(filepath.Join(dir, "c-libraries"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var users []string
	for _, program := range programs {
		info, err := buildinfo.ReadFile(program)
		if err != nil {
			return nil, err
		}
		for _, s := range info.Settings {
			if s.Key == "CGO_ENABLED" && s.Value == "1" {
				users = append(users, filepath.Base(program))
			}
		}
	}
	var parts []part
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) != 2 {
			return nil, fmt.Errorf("c-libraries: %q is not a package and its version", strings.TrimSpace(line))
		}
		parts = append(parts, part{name: words[0], version: words[1], kind: cLibrary, usedBy: users})
	}
	return parts, nil
}
