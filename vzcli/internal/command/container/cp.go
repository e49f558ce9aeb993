package container

import (
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type cp struct {
	Source     string `arg:"" help:"CONTAINER:PATH, a path, or - for a tar archive on stdin."`
	Target     string `arg:"" help:"A path, CONTAINER:PATH, or - for a tar archive on stdout."`
	Archive    bool   `short:"a" help:"Keep numeric owners."`
	FollowLink bool   `short:"L" help:"Copy what a link at the source leads to."`
	Quiet      bool   `short:"q" help:"Do not say how much was copied."`
}

// Run implements command.Verb.
func (c *cp) Run(env *command.Env) error {
	from, fromPath := SplitCopy(c.Source)
	to, toPath := SplitCopy(c.Target)
	switch {
	case from != "" && to != "":
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "cp: copying between containers is not there; go through a pipe: vz cp %s - | vz cp - %s", c.Source, c.Target)
	case from == "" && to == "":
		return command.Usagef("cp: one of source and target must be CONTAINER:PATH")
	case fromPath == "" || toPath == "":
		return command.Usagef("cp: a path is empty")
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	copier, err := command.Need[vzcontract.Copier](s, vzcontract.FeatureCopy)
	if err != nil {
		return err
	}
	job := copyJob{cp: c, env: env, copier: copier}
	var n int64
	if from != "" {
		n, err = job.out(from, fromPath, toPath)
	} else {
		n, err = job.in(fromPath, to, toPath)
	}
	if err != nil {
		return err
	}
	if _, ok := command.Terminal(env.Stderr); ok && !c.Quiet && c.Target != "-" {
		fmt.Fprintf(env.Stderr, "Copied %s to %s\n", output.Size(n), c.Target)
	}
	return nil
}

// SplitCopy parts CONTAINER:PATH. A path of the host that holds a colon starts
// with / or ".".
func SplitCopy(s string) (container, p string) {
	name, rest, ok := strings.Cut(s, ":")
	if !ok || filepath.IsAbs(s) || strings.HasPrefix(name, ".") {
		return "", s
	}
	return name, rest
}

type copyJob struct {
	*cp
	env    *command.Env
	copier vzcontract.Copier
}

// stat looks at a path in the container, following links at its end.
func (j copyJob) stat(container, p string) (vzcontract.PathStat, string, error) {
	p = path.Join("/", p)
	for range 40 {
		st, err := j.copier.StatPath(j.env.Ctx, container, p)
		if err != nil || st.LinkTarget == "" {
			return st, p, err
		}
		if path.IsAbs(st.LinkTarget) {
			p = path.Clean(st.LinkTarget)
		} else {
			p = path.Join(path.Dir(p), st.LinkTarget)
		}
	}
	return vzcontract.PathStat{}, p, vzcontract.Errorf(vzcontract.ErrValidation, "cp %s:%s: too many links", container, p)
}

// contents reports whether a path asks for what is in a directory.
func contents(p string) bool { return p == "." || strings.HasSuffix(p, "/.") }

func slashed(p string) bool { return strings.HasSuffix(p, "/") }

// A counter counts what flows through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func notDirectory(p string) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, "cp: %s is not a directory", p)
}

func noDirectory(p string) error {
	return vzcontract.Errorf(vzcontract.ErrNotFound, "cp: no such directory: %s", p)
}

func joinClose(err error, c io.Closer) error { return errors.Join(err, c.Close()) }
