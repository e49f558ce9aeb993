package container

import (
	"errors"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/console"
	"vz.internal/vzcontract"
)

type start struct {
	Containers    []string `arg:"" name:"container" help:"Containers to start."`
	Attach        bool     `short:"a" help:"Connect stdout, stderr and signals."`
	DetachKeys    string   `placeholder:"KEYS" help:"Keys that detach from a terminal (ctrl-p,ctrl-q)."`
	Interactive   bool     `short:"i" help:"Connect stdin."`
	Checkpoint    string   `hidden:"" help:"Refused."`
	CheckpointDir string   `hidden:"" help:"Refused."`
}

// Run implements command.Verb.
func (c *start) Run(env *command.Env) error {
	if c.Checkpoint != "" || c.CheckpointDir != "" {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "--checkpoint: this backend cannot restore processes")
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	if !c.Attach && !c.Interactive {
		return command.Each(env.Stdout, c.Containers, func(name string) error {
			_, err := s.Backend.Start(env.Ctx, name, vzcontract.StartOptions{})
			return err
		})
	}
	if len(c.Containers) != 1 {
		return command.Usagef("start: only one container can be attached to at a time")
	}
	info, err := s.Backend.Inspect(env.Ctx, c.Containers[0])
	if err != nil {
		return err
	}
	if info.State == vzcontract.StateRunning {
		return vzcontract.Errorf(vzcontract.ErrConflict, "start container %s: it runs already; use vz attach %s", c.Containers[0], c.Containers[0])
	}
	con, err := console.Open(env, console.Options{
		In: c.Interactive && info.Config.OpenStdin, Out: true, Err: true, TTY: info.Config.TTY, DetachKeys: c.DetachKeys, Signals: true,
	})
	if err != nil {
		return err
	}
	defer con.Close()
	con.Hold()
	att, err := s.Backend.Start(env.Ctx, info.ID, vzcontract.StartOptions{Attach: con.AttachOptions()})
	if err != nil {
		return calledBy(c.Containers[0], info, err)
	}
	status, err := con.Drive(att)
	if errors.Is(err, console.ErrDetached) {
		return nil
	}
	if err != nil {
		return err
	}
	return command.Exit(status.Code)
}
