package sandbox

import (
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzsandbox"
)

type create struct {
	Image         string `arg:"" help:"Image."`
	Name          string `help:"Name of the sandbox; names are shared with containers."`
	projectFlags  `embed:""`
	Root          string `placeholder:"DIR" help:"Directory below which the project must lie ($VZ_SANDBOX_ROOT, else the current one)."`
	templateFlags `embed:""`
}

// Run implements command.Verb.
func (c *create) Run(env *command.Env) error {
	p, err := c.project()
	if err != nil {
		return err
	}
	t, h, _, err := c.prepare(env, c.Image, c.Root)
	if err != nil {
		return err
	}
	box, err := h.Create(env.Ctx, t, vzsandbox.CreateOptions{Name: c.Name, Project: p})
	if err != nil {
		return err
	}
	return printInfo(env, box)
}
