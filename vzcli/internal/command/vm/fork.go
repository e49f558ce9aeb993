package vm

import (
	"context"
	"errors"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

type fork struct {
	Name    string   `arg:"" help:"Virtual machine that was saved."`
	New     string   `arg:"" help:"Name of the new one."`
	Input   string   `type:"path" placeholder:"DIR" help:"Where it was saved, if not with the machine."`
	Publish []string `short:"p" sep:"none" placeholder:"[IP:]PORT:PORT[/udp]" help:"Publish a port of the new guest; it has none of the other's."`
	Detach  bool     `short:"d" help:"Return when the guest can be used."`
}

// Run implements command.Verb. The new machine is one like the saved one that goes on
// from there: with an address, a machine id and random numbers of its own.
func (c *fork) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	rec, err := r.Open(c.Name)
	if err != nil {
		return err
	}
	if rec.MacOS != nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "fork %s: two macOS guests cannot be the same machine; make another one with vz vm init", c.Name)
	}
	for _, d := range rec.Config.Disks {
		if !d.ReadOnly {
			return vzcontract.Errorf(vzcontract.ErrUnsupported,
				"fork %s: both machines would write to the disk %s (%s); give it read-only with --disk %s:%s:ro", c.Name, d.ID, d.Path, d.ID, d.Path)
		}
	}
	rec.Name, rec.Created = c.New, time.Now().UTC()
	rec.Config.Network.User.Ports = nil
	if rec.Config.Network.Kind == config.NetworkUser {
		rec.Config.Network.MAC = config.RandomMAC()
	} else if len(c.Publish) > 0 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "--publish: %s has no network", c.Name)
	}
	for _, text := range c.Publish {
		port, err := parsePort(text)
		if err != nil {
			return err
		}
		rec.Config.Network.User.Ports = append(rec.Config.Network.User.Ports, port)
	}
	dir := c.Input
	if dir == "" {
		dir = r.Saved(c.Name)
	}
	if err := r.Create(rec); err != nil {
		return err
	}
	begin := time.Now()
	if err := spawn(env.Ctx, r, c.New, dir, true); err != nil {
		// It never was one. Its process may still be ending.
		return errors.Join(err, r.Await(context.WithoutCancel(env.Ctx), c.New), r.Remove(c.New))
	}
	return attend(env, r, c.New, begin, c.Detach)
}
