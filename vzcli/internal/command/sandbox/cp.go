package sandbox

import (
	"path"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/container"
	"vz.internal/vzcontract"
)

type cp struct {
	Source     string `arg:"" help:"SANDBOX:PATH, a path, or - for a tar archive on stdin."`
	Target     string `arg:"" help:"A path, SANDBOX:PATH, or - for a tar archive on stdout."`
	Archive    bool   `short:"a" help:"Keep numeric owners."`
	FollowLink bool   `short:"L" help:"Copy what a link at the source leads to."`
	Quiet      bool   `short:"q" help:"Do not say how much was copied."`
}

// Run implements command.Verb.
func (c *cp) Run(env *command.Env) error {
	args := container.CopyArgs{Source: c.Source, Target: c.Target, Archive: c.Archive, FollowLink: c.FollowLink, Quiet: c.Quiet}
	if from, _ := container.SplitCopy(c.Source); from != "" {
		if to, _ := container.SplitCopy(c.Target); to != "" {
			return vzcontract.Errorf(vzcontract.ErrUnsupported, "cp: copying between sandboxes is not there; go through a pipe: vz sandbox cp %s - | vz sandbox cp - %s", c.Source, c.Target)
		}
	}
	for _, side := range []*string{&args.Source, &args.Target} {
		name, p := container.SplitCopy(*side)
		if name == "" || p == "" {
			continue
		}
		box, err := find(env, name)
		if err != nil {
			return err
		}
		if err := box.KeepAlive(); err != nil { // a use, also for an idle timeout
			return err
		}
		if !path.IsAbs(p) {
			*side = name + ":" + strings.TrimSuffix(box.Workspace(), "/") + "/" + p // not cleaned: a slash or dot at its end has a meaning
		}
	}
	return container.Copy(env, args)
}
