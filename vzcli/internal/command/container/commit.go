package container

import (
	"io"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

type commit struct {
	Container string `arg:"" help:"Container."`
	Image     string `arg:"" optional:"" help:"Name of the new image."`
	CommitArgs
}

// Run implements command.Verb.
func (c *commit) Run(env *command.Env) error {
	s, err := env.Services()
	if err != nil {
		return err
	}
	committer, err := command.Need[vzcontract.Committer](s, vzcontract.FeatureCommit)
	if err != nil {
		return err
	}
	info, err := committer.Commit(env.Ctx, c.Container, vzcontract.CommitOptions{
		Ref: c.Image, Author: c.Author, Comment: c.Message, Changes: c.Change, NoPause: !c.Pause,
	})
	if err != nil {
		return err
	}
	return command.PrintLine(env, info.ID)
}

type export struct {
	Container string `arg:"" help:"Container."`
	Output    string `short:"o" placeholder:"FILE" help:"File to write; stdout without."`
}

// Run implements command.Verb.
func (c *export) Run(env *command.Env) error {
	s, err := env.Services()
	if err != nil {
		return err
	}
	committer, err := command.Need[vzcontract.Committer](s, vzcontract.FeatureCommit)
	if err != nil {
		return err
	}
	return env.WriteOutput(c.Output, func(w io.Writer) error { return committer.Export(env.Ctx, c.Container, w) })
}
