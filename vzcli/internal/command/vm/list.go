package vm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcli/internal/vmm"
	"vz.internal/vzcli/internal/vmrecord"
)

type list struct {
	Format string `placeholder:"FORMAT" help:"table, json or a Go template."`
	Quiet  bool   `short:"q" help:"Show names only."`
}

var machines = output.Listing{Columns: []string{"Name", "Status", "Arch", "CPUs", "Memory", "Created"}, Quiet: "Name", Headers: map[string]string{"CPUs": "CPUS"}}

// Run implements command.Verb.
func (c *list) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	all, damaged := r.List()
	rows := []output.Row{}
	for _, rec := range all {
		rows = append(rows, output.Row{
			"Name": rec.Name, "Status": status(env.Ctx, r, rec.Name), "Arch": rec.Arch, "CPUs": fmt.Sprint(rec.Config.CPUs),
			"Memory": output.BinarySize(rec.Config.Memory), "Created": output.Ago(time.Now(), rec.Created),
		})
	}
	return errors.Join(machines.Print(env.Stdout, env.Listing(c.Format, c.Quiet), rows), damaged)
}

// status is one word or two for what a machine is.
func status(ctx context.Context, r vmrecord.Registry, name string) string {
	s, err := r.Status(name)
	if err != nil {
		return "damaged"
	}
	if s.Status != vmrecord.Running {
		return s.Status
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	client, err := vmm.Dial(ctx, r.Control(name))
	if err != nil {
		return "starting"
	}
	defer client.Close()
	now, err := client.Status(ctx)
	if err != nil {
		return "not answering"
	}
	return fmt.Sprintf("%s (%s)", now.State, now.Accelerator)
}
