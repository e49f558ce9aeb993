package sandbox

import (
	"encoding/base64"
	"io"
	"io/fs"
	"strconv"
	"unicode/utf8"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
)

type filesLs struct {
	Sandbox string `arg:"" help:"Sandbox."`
	Dir     string `arg:"" optional:"" default:"." help:"Directory, absolute or below the workspace."`
	Format  string `placeholder:"FORMAT" help:"table, json or a Go template."`
	Quiet   bool   `short:"q" help:"Show names only."`
}

var fileListing = output.Listing{
	Columns: []string{"Mode", "Size", "ModTime", "Name"}, Quiet: "Name", Headers: map[string]string{"ModTime": "CHANGED"},
}

// Run implements command.Verb.
func (c *filesLs) Run(env *command.Env) error {
	return with(env, c.Sandbox, func(box *vzsandbox.Sandbox) error {
		list, err := box.ReadDir(env.Ctx, c.Dir)
		if err != nil {
			return err
		}
		return printFiles(env, env.Listing(c.Format, c.Quiet), list)
	})
}

func printFiles(env *command.Env, opts output.Options, list []vzcontract.PathStat) error {
	files := make([]file, len(list))
	for i, st := range list {
		files[i] = newFile(st)
	}
	return printAll(env, fileListing, opts, files, func(f file) output.Row {
		name := f.Name
		if f.LinkTarget != "" && !opts.Quiet {
			name += " -> " + f.LinkTarget
		}
		return output.Row{
			"Name": name, "Mode": fs.FileMode(f.Mode).String(), "Size": strconv.FormatInt(f.Size, 10), "ModTime": output.Time(f.ModTime),
		}
	})
}

// A file is a path as the JSON of files has it.
type file struct {
	vzcontract.PathStat
	Type string `json:"type"` // file, dir, link or other
	Perm string `json:"perm"` // octal, such as 0644
}

func newFile(st vzcontract.PathStat) file {
	mode := fs.FileMode(st.Mode)
	f := file{PathStat: st, Type: "other", Perm: "0" + strconv.FormatUint(uint64(mode.Perm()), 8)}
	switch {
	case mode.IsRegular():
		f.Type = "file"
	case mode.IsDir():
		f.Type = "dir"
	case mode&fs.ModeSymlink != 0:
		f.Type = "link"
	}
	return f
}

type filesStat struct {
	Sandbox string `arg:"" help:"Sandbox."`
	Path    string `arg:"" help:"Path, absolute or below the workspace."`
}

// Run implements command.Verb.
func (c *filesStat) Run(env *command.Env) error {
	return with(env, c.Sandbox, func(box *vzsandbox.Sandbox) error {
		st, err := box.Stat(env.Ctx, c.Path)
		if err != nil {
			return err
		}
		return printFiles(env, env.Listing("", false), []vzcontract.PathStat{st})
	})
}

type filesRead struct {
	Sandbox string `arg:"" help:"Sandbox."`
	Path    string `arg:"" help:"File of at most 64 MiB, absolute or below the workspace."`
}

// contents are what files read prints with --json.
type contents struct {
	Encoding string `json:"encoding"` // utf-8 or base64
	Content  string `json:"content"`
}

// Run implements command.Verb.
func (c *filesRead) Run(env *command.Env) error {
	return with(env, c.Sandbox, func(box *vzsandbox.Sandbox) error {
		data, err := box.ReadFile(env.Ctx, c.Path)
		switch {
		case err != nil:
			return err
		case !env.Globals.JSON:
			_, err = env.Stdout.Write(data)
			return err
		case utf8.Valid(data):
			return printJSON(env, contents{"utf-8", string(data)})
		}
		return printJSON(env, contents{"base64", base64.StdEncoding.EncodeToString(data)})
	})
}

type filesWrite struct {
	Sandbox string `arg:"" help:"Sandbox."`
	Path    string `arg:"" help:"File, absolute or below the workspace; its directory must exist."`
	Mode    string `default:"0644" placeholder:"OCTAL" help:"Permission bits (0644)."`
}

// Run implements command.Verb.
func (c *filesWrite) Run(env *command.Env) error {
	mode, err := permission(c.Mode)
	if err != nil {
		return err
	}
	return with(env, c.Sandbox, func(box *vzsandbox.Sandbox) error {
		data, err := io.ReadAll(io.LimitReader(env.Stdin, vzsandbox.MaxReadFile+1))
		if err != nil {
			return err
		}
		if len(data) > vzsandbox.MaxReadFile {
			return vzcontract.Errorf(vzcontract.ErrValidation, "files write: stdin has more than %d bytes; use vz sandbox cp", vzsandbox.MaxReadFile)
		}
		return box.WriteFile(env.Ctx, c.Path, data, mode)
	})
}

func permission(s string) (fs.FileMode, error) {
	mode, err := strconv.ParseUint(s, 8, 32)
	if err != nil || mode > 0o777 {
		return 0, command.Usagef("--mode %s: want octal permission bits such as 0755", s)
	}
	return fs.FileMode(mode), nil
}

type filesMkdir struct {
	Sandbox string `arg:"" help:"Sandbox."`
	Dir     string `arg:"" help:"Directory, absolute or below the workspace; those above it are made too."`
	Mode    string `default:"0755" placeholder:"OCTAL" help:"Permission bits (0755)."`
}

// Run implements command.Verb.
func (c *filesMkdir) Run(env *command.Env) error {
	mode, err := permission(c.Mode)
	if err != nil {
		return err
	}
	return with(env, c.Sandbox, func(box *vzsandbox.Sandbox) error { return box.MakeDir(env.Ctx, c.Dir, uint32(mode)) })
}

type filesRm struct {
	Sandbox string   `arg:"" help:"Sandbox."`
	Paths   []string `arg:"" name:"path" help:"Paths, absolute or below the workspace; directories with all in them."`
}

// Run implements command.Verb.
func (c *filesRm) Run(env *command.Env) error {
	box, err := find(env, c.Sandbox)
	if err != nil {
		return err
	}
	return command.Each(io.Discard, c.Paths, func(path string) error { return of(box, box.RemoveFile(env.Ctx, path)) })
}

type filesMv struct {
	Sandbox string `arg:"" help:"Sandbox."`
	From    string `arg:"" help:"Path, absolute or below the workspace."`
	To      string `arg:"" help:"Its new path."`
}

// Run implements command.Verb.
func (c *filesMv) Run(env *command.Env) error {
	return with(env, c.Sandbox, func(box *vzsandbox.Sandbox) error { return box.Move(env.Ctx, c.From, c.To) })
}
