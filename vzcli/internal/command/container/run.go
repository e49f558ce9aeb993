package container

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/console"
	"vz.internal/vzcli/internal/runflags"
	"vz.internal/vzcontract"
)

type run struct {
	runflags.Flags
	Detach     bool   `short:"d" help:"Run in the background and print the id."`
	DetachKeys string `placeholder:"KEYS" help:"Keys that detach from a terminal (ctrl-p,ctrl-q)."`
	SigProxy   bool   `default:"true" negatable:"" help:"Pass signals on to the program."`
}

// Run implements command.Verb.
func (c *run) Run(env *command.Env) error {
	cfg, err := c.Config()
	if err != nil {
		return err
	}
	if c.Detach && len(c.Attach) > 0 {
		return command.Usagef("--detach and --attach exclude each other")
	}
	streams, err := c.Streams()
	if err != nil {
		return err
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	if w, ok := s.Backend.(interface{ Warm() }); ok {
		w.Warm() // what start needs comes up while the container is created
	}
	if c.Detach {
		return c.background(env, s, cfg)
	}
	cfg.StdinOnce = streams.In
	con, err := console.Open(env, console.Options{
		In: streams.In, Out: streams.Out, Err: streams.Err, TTY: c.TTY, DetachKeys: c.DetachKeys, Signals: c.SigProxy,
	})
	if err != nil {
		return err
	}
	defer con.Close()
	info, err := create(env, s, &c.Flags, cfg)
	if err != nil {
		con.Close()
		return err
	}
	return c.foreground(env, s, info, con, streams)
}

func (c *run) background(env *command.Env, s *command.Services, cfg vzcontract.RunConfig) error {
	info, err := create(env, s, &c.Flags, cfg)
	if err != nil {
		return err
	}
	if _, err := s.Backend.Start(env.Ctx, info.ID, vzcontract.StartOptions{}); err != nil {
		return errors.Join(calledBy(c.Name, info, err), discard(env, s, info.ID))
	}
	_, err = fmt.Fprintln(env.Stdout, info.ID)
	return err
}

func (c *run) foreground(env *command.Env, s *command.Services, info vzcontract.ContainerInfo, con *console.Console, streams runflags.Streams) error {
	con.Hold()
	att, err := s.Backend.Start(env.Ctx, info.ID, vzcontract.StartOptions{Attach: con.AttachOptions()})
	if err != nil {
		con.Close()
		return errors.Join(calledBy(c.Name, info, err), discard(env, s, info.ID))
	}
	if !streams.Out && !streams.Err {
		// Nothing else tells which container takes the input.
		if err := command.PrintLine(env, info.ID); err != nil {
			return errors.Join(err, att.Close())
		}
	}
	status, err := con.Drive(att)
	con.Close()
	if errors.Is(err, console.ErrDetached) {
		return nil
	}
	if errors.Is(err, vzcontract.ErrOutputLost) && c.Rm {
		return errors.Join(err, command.GiveUp(env, s, info.ID))
	}
	if err != nil {
		return err
	}
	if c.Rm {
		_, err := s.Backend.Wait(env.Ctx, info.ID, vzcontract.WaitRemoved)
		if err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
			return err
		}
	}
	return command.Exit(status.Code)
}

// calledBy makes an error call the container by the name that the user gave
// it, or else by its short id.
func calledBy(name string, info vzcontract.ContainerInfo, err error) error {
	typed := new(vzcontract.Error)
	if !errors.As(err, &typed) || typed.Name != info.ID && typed.Name != info.Name {
		return err
	}
	called := *typed
	called.Name = name
	if name == "" {
		called.Name = info.ID[:min(12, len(info.ID))]
	}
	return &called
}

// discard removes a container that could not be started, also when the user
// has interrupted: a run that fails leaves nothing behind.
func discard(env *command.Env, s *command.Services, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(env.Ctx), 30*time.Second)
	defer cancel()
	err := s.Backend.Remove(ctx, id, vzcontract.RemoveOptions{Force: true, Volumes: true})
	if errors.Is(err, vzcontract.ErrNotFound) {
		return nil
	}
	return err
}
