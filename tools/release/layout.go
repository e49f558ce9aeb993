package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A file is one file of a package, relative to the prefix, such as /usr.
type file struct {
	name string
	mode fs.FileMode
	data []byte
	link string // target, for a symbolic link
}

// libexec is where the programs are. Each finds the others beside itself.
const libexec = "libexec/vz"

// onPath are the programs that people call.
var onPath = []string{"vz", "vz-sandbox", "vz-stack", "vz-vm"}

// layout returns the files of a target in the order of their names.
func layout(r *release, t target, programs []string, licenses []byte) ([]file, error) {
	var files []file
	add := func(name, from string, mode fs.FileMode) error {
		data, err := os.ReadFile(from)
		files = append(files, file{name: name, mode: mode, data: data})
		return err
	}
	for _, program := range programs {
		name := filepath.Base(program)
		if err := add(path.Join(libexec, name), program, 0o755); err != nil {
			return nil, err
		}
		if slices.Contains(onPath, name) {
			files = append(files, file{name: "bin/" + name, mode: 0o777, link: "../" + libexec + "/" + name})
		}
	}
	share := filepath.Join(r.in, "share")
	err := filepath.WalkDir(share, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(share, p)
		if err != nil {
			return err
		}
		return add(path.Join("share", filepath.ToSlash(rel)), p, 0o644)
	})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE"} {
		if err := add("share/doc/vz/"+name, filepath.Join(r.root, name), 0o644); err != nil {
			return nil, err
		}
	}
	files = append(files, file{name: "share/doc/vz/THIRD-PARTY-LICENSES", mode: 0o644, data: licenses})
	if t.os == "linux" {
		if err := add("lib/systemd/system/vz-resume.service", filepath.Join(r.root, "packaging", "vz-resume.service"), 0o644); err != nil {
			return nil, err
		}
		if err := add("share/doc/vz/examples/demo.sh", filepath.Join(r.root, "demo", "demo.sh"), 0o755); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return files, nil
}
