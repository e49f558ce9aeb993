package sandbox

import (
	"path/filepath"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzsandbox"
)

// projectFlags say which directory of the host a sandbox works on.
type projectFlags struct {
	Project *string `placeholder:"DIR[:ro|:rw]" help:"Mount a directory at the workspace, read-only unless :rw."`
	Copy    bool    `help:"Copy the project in place of mounting it."`
}

// project returns nil for none. A directory whose name ends with :ro or :rw is written
// with one more.
func (f *projectFlags) project() (*vzsandbox.Project, error) {
	if f.Project == nil {
		if f.Copy {
			return nil, command.Usagef("--copy: say with --project what to copy")
		}
		return nil, nil
	}
	given := *f.Project
	p := vzsandbox.Project{Dir: given, Copy: f.Copy}
	if dir, ok := strings.CutSuffix(given, ":rw"); ok {
		p.Dir, p.Writable = dir, true
	} else if dir, ok := strings.CutSuffix(given, ":ro"); ok {
		p.Dir = dir
	}
	switch {
	case p.Dir == "":
		return nil, command.Usagef("--project %s: the directory is missing", given)
	case p.Copy && p.Dir != given:
		return nil, command.Usagef("--project %s: a copy is the sandbox's own; leave :ro and :rw out with --copy", given)
	}
	var err error
	p.Dir, err = filepath.Abs(p.Dir)
	return &p, err
}
