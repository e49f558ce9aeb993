package vzsandbox

import (
	"os"
	"path/filepath"
	"strings"

	"vz.internal/vzcontract"
)

// A Project is a directory of the host that a sandbox works on; it is at the
// template's workspace. Without Copy it is mounted: changes on the host are seen at once,
// and with Writable changes inside are made on the host, as the user that makes them
// inside. A root of the sandbox is the host's root for them, so that what it writes can be
// a program that is setuid root: let a sandbox that is not trusted have a copy, a
// read-only mount or a User.
type Project struct {
	// Dir must be a directory below Options.Root once links are resolved, else the
	// error matches ErrDenied. Links are resolved once and the result handed on; who
	// can rename directories below Options.Root at the same moment can still have
	// another one mounted. Copies are read through one descriptor of Options.Root, and
	// so never leave it.
	Dir string `json:"dir"`
	// Writable mounts it for writing; without it reading is all.
	Writable bool `json:"writable,omitempty"`
	// Copy gives the sandbox a copy instead, which is its own. Sockets, pipes and
	// devices are left out. It excludes Writable.
	Copy bool `json:"copy,omitempty"`
}

// resolve checks a project against the root and returns it with the real path.
func (h *Host) resolve(p *Project) (*Project, error) {
	switch {
	case p == nil:
		return nil, nil
	case p.Copy && p.Writable:
		return nil, invalid("project %s: a copy is the sandbox's own, so Copy and Writable exclude each other", p.Dir)
	case !filepath.IsAbs(p.Dir):
		return nil, invalid("project %q: want an absolute path", p.Dir)
	case h.opts.Root == "":
		return nil, vzcontract.Errorf(vzcontract.ErrDenied, "project %s: no root of projects is set (Options.Root)", p.Dir)
	}
	root, err := filepath.EvalSymlinks(h.opts.Root)
	if err != nil {
		return nil, invalid("root of projects: %w", err)
	}
	dir, err := filepath.EvalSymlinks(p.Dir)
	if err != nil {
		return nil, invalid("project: %w", err)
	}
	if !below(root, dir) {
		return nil, vzcontract.Errorf(vzcontract.ErrDenied, "project %s: %s lies outside of the root of projects %s", p.Dir, dir, root)
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, invalid("project %s is not a directory", p.Dir)
	}
	real := *p
	real.Dir = dir
	return &real, nil
}

// below reports whether dir is root or lies below it. Both are clean.
func below(root, dir string) bool {
	return dir == root || strings.HasPrefix(dir, strings.TrimSuffix(root, "/")+"/")
}

// mount is the project as one of the contract's.
func (p *Project) mount(workspace string) vzcontract.Mount {
	return vzcontract.Mount{Type: vzcontract.MountBind, Source: p.Dir, Target: workspace, ReadOnly: !p.Writable}
}
