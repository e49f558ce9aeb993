package vm

import (
	"fmt"
	"os"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/vmm"
)

type save struct {
	Name   string `arg:"" help:"Virtual machine."`
	Output string `short:"o" type:"path" placeholder:"DIR" help:"Where to, if not with the machine; it must not exist."`
	Stop   bool   `help:"End the machine after it was saved."`
}

// Run implements command.Verb. Saving with the machine replaces what was saved
// there before, when all is written.
func (c *save) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	if _, err := r.Open(c.Name); err != nil {
		return err
	}
	client, err := vmm.Dial(env.Ctx, r.Control(c.Name))
	if err != nil {
		return err
	}
	defer client.Close()
	final := c.Output
	if final == "" {
		final = r.Saved(c.Name)
		if err := replace(env, client, final, c.Stop); err != nil {
			return err
		}
	} else if err := client.Save(env.Ctx, vmm.SaveRequest{Dir: final, Pause: c.Stop}); err != nil {
		return err
	}
	if c.Stop {
		if err := end(env, r, c.Name, true); err != nil {
			return err
		}
	}
	fmt.Fprintln(env.Stdout, final)
	return nil
}

// replace saves to dir, which may have an older state, when all is written.
func replace(env *command.Env, client *vmm.Client, dir string, pause bool) error {
	next := dir + ".new"
	if err := os.RemoveAll(next); err != nil {
		return err
	}
	if err := client.Save(env.Ctx, vmm.SaveRequest{Dir: next, Pause: pause}); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(next, dir)
}
