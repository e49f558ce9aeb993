package sandbox

import (
	"path/filepath"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzsandbox"
)

// projectFlags say which directory of the host a sandbox works on.
type projectFlags struct {
	Project string `placeholder:"DIR[:ro|:rw]" help:"Mount a directory at the workspace, read-only unless :rw."`
	Copy    bool   `help:"Copy the project in place of mounting it."`
}

// project returns nil for none. A directory whose name ends with :ro or :rw is written
// with one more.
func (f *projectFlags) project() (*vzsandbox.Project, error) {
	if f.Project == "" {
		if f.Copy {
			return nil, command.Usagef("--copy: say with --project what to copy")
		}
		return nil, nil
	}
	p := vzsandbox.Project{Dir: f.Project, Copy: f.Copy}
	if dir, ok := strings.CutSuffix(f.Project, ":rw"); ok {
		p.Dir, p.Writable = dir, true
	} else if dir, ok := strings.CutSuffix(f.Project, ":ro"); ok {
		p.Dir = dir
	}
	switch {
	case p.Dir == "":
		return nil, command.Usagef("--project %s: the directory is missing", f.Project)
	case p.Copy && p.Dir != f.Project:
		return nil, command.Usagef("--project %s: a copy is the sandbox's own; leave :ro and :rw out with --copy", f.Project)
	}
	var err error
	p.Dir, err = filepath.Abs(p.Dir)
	return &p, err
}
