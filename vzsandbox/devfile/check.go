package devfile

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// Backends are the accepted values of the key backend, each with the one that it
// means.
var Backends = map[string]string{
	"": "auto", "auto": "auto", "native": "native", "linux": "native", "linux-native": "native",
	"vm": "vm", "macos": "vm", "macos-vz": "vm",
}

// check reports what is wrong with values that have the right type, and makes
// targets absolute.
func (f *File) check(d *decoder) {
	if strings.TrimSpace(f.Image) != f.Image || strings.ContainsAny(f.Image, " \t\n\x00") {
		d.fail("image", "%q has white space in it", f.Image)
	}
	if f.Workspace = path.Clean(f.Workspace); !path.IsAbs(f.Workspace) || f.Workspace == "/" || strings.Contains(f.Workspace, "\x00") {
		d.fail("workspace", "want an absolute path below /, not %q", f.Workspace)
		return
	}
	f.checkMounts(d)
	for i, command := range f.Setup {
		if at := fmt.Sprintf("setup[%d]", i); strings.TrimSpace(command) == "" {
			d.fail(at, "the command is empty")
		} else if strings.Contains(command, "\x00") {
			d.fail(at, "the command has a NUL byte in it")
		}
	}
	for name, value := range f.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			d.fail("env."+name, "no name of a variable, or a value with a NUL byte")
		}
	}
	seen := map[vzcontract.PortMapping]bool{}
	for i, p := range f.Ports {
		m, err := p.Mapping()
		if err == nil && seen[m] {
			err = fmt.Errorf("%s is there twice", p)
		}
		if err != nil {
			d.fail(fmt.Sprintf("ports[%d]", i), "%v", err)
		}
		seen[m] = true
	}
	f.Resources.check(d)
	if _, ok := Backends[f.Backend]; !ok {
		d.fail("backend", "want auto, native (linux, linux-native) or vm (macos, macos-vz), not %q", f.Backend)
	}
}

func (f *File) checkMounts(d *decoder) {
	var targets []string
	for i := range f.Mounts {
		m, at := &f.Mounts[i], fmt.Sprintf("mounts[%d]", i)
		if m.Source == "" || m.Target == "" {
			d.fail(at, "source and target are both needed")
			continue
		}
		if m.Source[0] == '~' {
			d.fail(at+".source", "~ is not replaced: write a path that is absolute or relative to the directory of %s", Name)
		}
		if strings.Contains(m.Source+m.Target, "\x00") {
			d.fail(at, "a path has a NUL byte in it")
		}
		if !path.IsAbs(m.Target) {
			m.Target = path.Join(f.Workspace, m.Target)
		}
		if m.Target = path.Clean(m.Target); m.Target == "/" {
			d.fail(at+".target", "want a path below /")
		}
		if slices.Contains(targets, m.Target) {
			d.fail(at+".target", "two mounts at %s", m.Target)
		}
		targets = append(targets, m.Target)
	}
}

func (r Resources) check(d *decoder) {
	if r.CPUs < 0 || r.CPUs > 1e6 || r.CPUs > 0 && r.CPUs < 0.01 {
		d.fail("resources.cpus", "want a number of processors such as 1.5, at least 0.01")
	}
	for path, size := range map[string]Size{"resources.memory": r.Memory, "resources.disk": r.Disk} {
		if _, err := size.Bytes(); err != nil {
			d.fail(path, "%v", err)
		}
	}
}
