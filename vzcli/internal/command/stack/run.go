package stack

import (
	"context"
	"errors"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/console"
	"vz.internal/vzcli/internal/runflags"
	"vz.internal/vzcontract"
	"vz.internal/vzstack"
)

type run struct {
	*project      `kong:"-"`
	Command       []string `arg:"" passthrough:"partial" placeholder:"SERVICE [COMMAND] [ARG...]" help:"Service, then command and arguments."`
	Detach        bool     `short:"d" help:"Run in the background and print the name."`
	Name          string   `help:"Name of the container."`
	Entrypoint    *string  `help:"Replace the entrypoint."`
	Env           []string `short:"e" sep:"none" placeholder:"KEY[=VALUE]" help:"Set an environment variable."`
	EnvFromFile   []string `sep:"none" placeholder:"FILE" help:"Read environment variables from a file."`
	Label         []string `short:"l" aliases:"labels" sep:"none" placeholder:"KEY=VALUE" help:"Set a label."`
	Rm            bool     `help:"Remove the container when it ends."`
	User          string   `short:"u" placeholder:"USER[:GROUP]" help:"User by name or id."`
	Workdir       string   `short:"w" help:"Working directory in the container."`
	Volume        []string `short:"v" aliases:"volumes" sep:"none" placeholder:"[SOURCE:]TARGET[:OPTIONS]" help:"Mount a directory or volume."`
	Publish       []string `short:"p" sep:"none" placeholder:"[[IP:]HOST:]PORT" help:"Publish a port."`
	ServicePorts  bool     `short:"P" help:"Publish the service's ports."`
	UseAliases    bool     `help:"Join the networks under the service's names."`
	CapAdd        []string `sep:"none" placeholder:"CAP" help:"Add a capability."`
	CapDrop       []string `sep:"none" placeholder:"CAP" help:"Drop a capability."`
	NoDeps        bool     `help:"Leave dependencies alone."`
	Pull          string   `placeholder:"POLICY" help:"Fetch the image always, if missing, or never."`
	NoTTY         *bool    `short:"T" name:"no-tty" aliases:"no-TTY" help:"Give the program no terminal."`
	Interactive   bool     `short:"i" default:"true" negatable:"" help:"Connect stdin."`
	TTY           bool     `short:"t" hidden:"" help:"Accepted: a terminal is given where there is one."`
	Build         bool     `hidden:"" help:"Refused: vz builds no images yet."`
	RemoveOrphans bool     `help:"Remove containers of services that the files no longer have."`
	QuietPull     bool     `help:"Accepted: pulls show one line."`
}

// Run implements command.Verb.
func (c *run) Run(env *command.Env) error {
	if c.Build {
		return errBuild
	}
	if len(c.Command) == 0 {
		return command.Usagef("run: want a service; see vz stack run --help")
	}
	opts, err := c.options(env)
	if err != nil {
		return err
	}
	loaded, err := c.load(env)
	if err != nil {
		return err
	}
	opts.RemoveOrphans, opts.IgnoreOrphans = orphans(c.RemoveOrphans, loaded)
	s, services, err := c.stack(env)
	if err != nil {
		return err
	}
	if c.Detach {
		info, err := s.OneOff(env.Ctx, loaded, c.Command[0], opts)
		if err != nil {
			return err
		}
		if _, err := services.Backend.Start(env.Ctx, info.ID, vzcontract.StartOptions{}); err != nil {
			return errors.Join(err, c.discard(env, services, info.ID))
		}
		return command.PrintLine(env, info.Name)
	}
	con, err := console.Open(env, console.Options{In: c.Interactive, Out: true, Err: true, TTY: opts.TTY, Signals: true})
	if err != nil {
		return err
	}
	defer con.Close()
	info, err := s.OneOff(env.Ctx, loaded, c.Command[0], opts)
	if err != nil {
		con.Close()
		return err
	}
	att, err := services.Backend.Start(env.Ctx, info.ID, vzcontract.StartOptions{Attach: con.AttachOptions()})
	if err != nil {
		con.Close()
		return errors.Join(err, c.discard(env, services, info.ID))
	}
	status, err := con.Drive(att)
	con.Close()
	switch {
	case errors.Is(err, console.ErrDetached):
		return nil
	case errors.Is(err, vzcontract.ErrOutputLost) && c.Rm:
		return errors.Join(err, command.GiveUp(env, services, info.ID))
	case err != nil:
		return err
	case c.Rm:
		_, err := services.Backend.Wait(env.Ctx, info.ID, vzcontract.WaitRemoved)
		if err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
			return err
		}
	}
	return command.Exit(status.Code)
}

func (c *run) options(env *command.Env) (vzstack.OneOffOptions, error) {
	o := vzstack.OneOffOptions{
		Name: c.Name, Args: c.Command[1:], Entrypoint: c.Entrypoint, User: c.User, WorkingDir: c.Workdir,
		CapAdd: c.CapAdd, CapDrop: c.CapDrop, ServicePorts: c.ServicePorts, UseAliases: c.UseAliases,
		Stdin: c.Interactive, StdinOnce: c.Interactive && !c.Detach, AutoRemove: c.Rm, NoDeps: c.NoDeps, Pull: vzcontract.PullPolicy(c.Pull),
	}
	o.TTY = wantsTTY(env, c.NoTTY != nil && *c.NoTTY) && !c.Detach
	if _, in := command.Terminal(env.Stdin); !in && c.Interactive && !c.Detach && (c.TTY || c.NoTTY != nil && !*c.NoTTY) {
		return o, vzcontract.Errorf(vzcontract.ErrValidation, "the input device is not a TTY; leave --tty out where stdin is a pipe or a file")
	}
	var err error
	if o.Env, err = runflags.Environment(c.EnvFromFile, c.Env); err != nil {
		return o, err
	}
	if o.Labels, err = command.KeyValues("label", c.Label); err != nil {
		return o, err
	}
	for _, v := range c.Volume {
		m, err := runflags.ParseVolume("volume", v)
		if err != nil {
			return o, err
		}
		o.Mounts = append(o.Mounts, m)
	}
	for _, p := range c.Publish {
		ports, err := runflags.ParsePort("publish", p)
		if err != nil {
			return o, err
		}
		o.Ports = append(o.Ports, ports...)
	}
	return o, nil
}

// discard removes a container that could not be started.
func (c *run) discard(env *command.Env, s *command.Services, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(env.Ctx), 30*time.Second)
	defer cancel()
	err := s.Backend.Remove(ctx, id, vzcontract.RemoveOptions{Force: true, Volumes: true})
	if errors.Is(err, vzcontract.ErrNotFound) {
		return nil
	}
	return err
}
