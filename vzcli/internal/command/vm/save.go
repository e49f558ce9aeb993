package vm

import (
	"errors"
	"fmt"
	"io/fs"
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
	if c.Output != "" {
		return client.Save(env.Ctx, vmm.SaveRequest{Dir: c.Output, Stop: c.Stop})
	}
	final := r.Saved(c.Name)
	next := final + ".new"
	if err := os.RemoveAll(next); err != nil {
		return err
	}
	if err := client.Save(env.Ctx, vmm.SaveRequest{Dir: next, Stop: c.Stop}); err != nil {
		return err
	}
	if err := os.RemoveAll(final); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(next, final); err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout, final)
	return nil
}
