package sandbox

import (
	"errors"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
	"vz.internal/vzsandbox/setup"
)

type pause struct {
	Sandboxes []string `arg:"" name:"sandbox" help:"Sandboxes to freeze."`
}

// Run implements command.Verb.
func (c *pause) Run(env *command.Env) error {
	return each(env, c.Sandboxes, nil, func(s *vzsandbox.Sandbox) error { return s.Pause(env.Ctx) })
}

type unpause struct {
	Sandboxes []string `arg:"" name:"sandbox" help:"Sandboxes to let go on."`
}

// Run implements command.Verb.
func (c *unpause) Run(env *command.Env) error {
	return each(env, c.Sandboxes, nil, func(s *vzsandbox.Sandbox) error { return s.Resume(env.Ctx) })
}

type rm struct {
	Sandboxes []string `arg:"" name:"sandbox" help:"Sandboxes to remove; what runs in them is killed."`
	Force     bool     `short:"f" help:"Ignore missing ones."`
}

// Run implements command.Verb.
func (c *rm) Run(env *command.Env) error {
	var ignore error
	if c.Force {
		ignore = vzcontract.ErrNotFound
	}
	return each(env, c.Sandboxes, ignore, func(s *vzsandbox.Sandbox) error { return s.Remove(env.Ctx) })
}

// without leaves errors of a class out of a joined one.
func without(err, class error) error {
	var all interface{ Unwrap() []error }
	if !errors.As(err, &all) {
		return err
	}
	var kept []error
	for _, e := range all.Unwrap() {
		if !errors.Is(e, class) {
			kept = append(kept, e)
		}
	}
	return errors.Join(kept...)
}

type prune struct {
	Force bool `short:"f" help:"Do not ask."`
}

// Run implements command.Verb. What setups have left that were killed goes too.
func (c *prune) Run(env *command.Env) error {
	h, s, err := open(env, "")
	if err != nil {
		return err
	}
	if ok, err := env.Confirm(c.Force, "all sandboxes that have ended or failed, and those of pools whose processes were killed"); !ok {
		return err
	}
	removed, err := h.Sweep(env.Ctx)
	all, listErr := h.List(env.Ctx)
	errs := []error{err, listErr}
	for _, i := range all {
		if i.Pool != "" || i.State != vzcontract.SandboxTerminated && i.State != vzcontract.SandboxFailed {
			continue // the process of a pool looks after its own
		}
		box, err := h.Open(env.Ctx, i.ID)
		if err == nil {
			err = box.Remove(env.Ctx)
		}
		if err == nil {
			removed = append(removed, i.Name)
		} else if !command.Meanwhile(err) {
			errs = append(errs, err)
		}
	}
	errs = append(errs, pools(s).Sweep(), setup.Sweep(env.Ctx, s.Backend, setupLocks(s)))
	if env.Globals.JSON {
		if err := errors.Join(errs...); err != nil {
			return err // which is the one document
		}
		if removed == nil {
			removed = []string{}
		}
		return printJSON(env, map[string][]string{"removed": removed})
	}
	for _, name := range removed {
		errs = append(errs, command.PrintLine(env, name))
	}
	return errors.Join(errs...)
}
