package vm

import (
	"errors"
	"fmt"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/vmm"
	"vz.internal/vzcli/internal/vmrecord"
	"vz.internal/vzcontract"
)

type stop struct {
	Names []string `arg:"" name:"name" help:"Virtual machines."`
	Force bool     `short:"f" help:"End them at once, as if their power was cut."`
}

// Run implements command.Verb.
func (c *stop) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	return command.Each(env.Stdout, c.Names, func(name string) error { return end(env, r, name, c.Force) })
}

// end stops a machine and returns when nobody runs it any more. One that is not
// running stays so.
func end(env *command.Env, r vmrecord.Registry, name string, force bool) error {
	if _, err := r.Open(name); err != nil {
		return err
	}
	s, err := r.Status(name)
	if err != nil || s.Status != vmrecord.Running {
		return err
	}
	client, err := vmm.Dial(env.Ctx, r.Control(name))
	if err != nil {
		return err
	}
	defer client.Close()
	err = client.Stop(env.Ctx, force)
	if errors.Is(err, vzcontract.ErrUnsupported) {
		return err // it goes on
	}
	select {
	case <-client.Done():
	case <-env.Ctx.Done():
		return env.Ctx.Err()
	}
	if errors.Is(err, vzcontract.ErrUnavailable) {
		err = nil // it was faster gone than it could answer
	}
	return errors.Join(err, r.Await(env.Ctx, name))
}

type rm struct {
	Names []string `arg:"" name:"name" help:"Virtual machines."`
	Force bool     `short:"f" help:"End those that run."`
}

// Run implements command.Verb.
func (c *rm) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	return command.Each(env.Stdout, c.Names, func(name string) error {
		if c.Force {
			if err := end(env, r, name, true); err != nil && !errors.Is(err, vzcontract.ErrInternal) {
				return err
			}
		}
		return r.Remove(name)
	})
}

type cleanup struct{}

// Run implements command.Verb.
func (c *cleanup) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	if err := r.Sweep(); err != nil {
		return err
	}
	all, damaged := r.List()
	for _, rec := range all {
		mended, err := r.Mend(rec.Name)
		if err != nil {
			return err
		}
		if mended {
			fmt.Fprintln(env.Stdout, rec.Name)
		}
	}
	return damaged
}
