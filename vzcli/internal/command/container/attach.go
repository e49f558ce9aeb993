package container

import (
	"errors"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/console"
	"vz.internal/vzcontract"
)

type attach struct {
	Container string `arg:"" help:"Running container."`
	AttachArgs
}

// Run implements command.Verb.
func (c *attach) Run(env *command.Env) error {
	s, err := env.Services()
	if err != nil {
		return err
	}
	info, err := s.Backend.Inspect(env.Ctx, c.Container)
	if err != nil {
		return err
	}
	switch {
	case info.State == vzcontract.StatePaused:
		return vzcontract.Errorf(vzcontract.ErrConflict, "attach to container %s: it is paused; use vz unpause %s first", c.Container, c.Container)
	case info.State != vzcontract.StateRunning:
		return vzcontract.Errorf(vzcontract.ErrConflict, "attach to container %s: it is not running; use vz start -a %s", c.Container, c.Container)
	}
	con, err := console.Open(env, console.Options{
		In: !c.NoStdin && info.Config.OpenStdin, Out: true, Err: true, TTY: info.Config.TTY, DetachKeys: c.DetachKeys, Signals: c.SigProxy,
	})
	if err != nil {
		return err
	}
	defer con.Close()
	att, err := s.Backend.Attach(env.Ctx, info.ID, *con.AttachOptions())
	if err != nil {
		return err
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
