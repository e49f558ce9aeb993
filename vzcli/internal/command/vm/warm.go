package vm

import (
	"fmt"
	"time"

	"github.com/docker/go-units"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcli/internal/vmm"
	"vz.internal/vzcore/config"
	"vz.internal/vzoci/vmbackend/warm"
)

type warmCmd struct {
	CPUs    int    `name:"cpus" default:"2" help:"Number of the machines' processors."`
	Memory  string `short:"m" default:"512m" help:"Memory of the machines."`
	Network string `help:"host, user or none; what machines get here by default."`
	Used    bool   `help:"For containers that have run before and are started again."`
	List    bool   `short:"l" help:"List the snapshots in place of making one."`
	Remove  bool   `help:"Remove all snapshots in place of making one."`
	Format  string `placeholder:"FORMAT" help:"With --list: table, json or a Go template."`
}

// Run implements command.Verb.
func (c *warmCmd) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	store := warm.At(r.Home)
	switch {
	case c.List && c.Remove:
		return command.Usagef("--list and --remove exclude each other")
	case c.List:
		return c.list(env, store)
	case c.Remove:
		removed, freed, err := store.Prune()
		for _, print := range removed {
			fmt.Fprintln(env.Stdout, print)
		}
		if !env.Globals.Quiet {
			fmt.Fprintf(env.Stderr, "%s reclaimed\n", output.Size(freed))
		}
		return err
	}
	memory, err := units.RAMInBytes(c.Memory)
	if err != nil || memory <= 0 {
		return command.Usagef("--memory %s: want a size such as 512m", c.Memory)
	}
	spec := vmm.WarmSpec{CPUs: c.CPUs, Memory: uint64(memory), Used: c.Used}
	switch c.Network {
	case "host":
		spec.Cards = 1
	case config.NetworkUser:
		spec.Network = true
	case config.NetworkNone:
	case "":
		if vmm.JoinsNetworks() {
			spec.Cards = 1
		} else {
			spec.Network = true
		}
	default:
		return command.Usagef("--network %s: want host, user or none", c.Network)
	}
	return vmm.Warm(env.Ctx, vmm.Options{Registry: r}, spec)
}

var snapshots = output.Listing{
	Columns: []string{"Fingerprint", "CPUs", "Memory", "Network", "Size", "Used"}, Quiet: "Fingerprint", Headers: map[string]string{"CPUs": "CPUS"},
}

func (c *warmCmd) list(env *command.Env, store warm.Store) error {
	all, err := store.List()
	if err != nil {
		return err
	}
	rows := []output.Row{}
	for _, one := range all {
		cfg := one.Manifest.Config
		rows = append(rows, output.Row{
			"Fingerprint": one.Fingerprint[:12], "CPUs": fmt.Sprint(cfg.CPUs), "Memory": output.BinarySize(cfg.Memory), "Network": cfg.Network.Kind,
			"Size": output.Size(one.Size), "Used": output.Ago(time.Now(), one.Used),
		})
	}
	return snapshots.Print(env.Stdout, env.Listing(c.Format, false), rows)
}
