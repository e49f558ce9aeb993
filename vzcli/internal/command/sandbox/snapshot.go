package sandbox

import (
	"slices"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzsandbox"
)

type snapshot struct {
	Sandbox string `arg:"" help:"Sandbox."`
	Name    string `arg:"" name:"snapshot" help:"Name of the snapshot."`
}

// Run implements command.Verb.
func (c *snapshot) Run(env *command.Env) error {
	return with(env, c.Sandbox, func(box *vzsandbox.Sandbox) error {
		if err := box.Snapshot(env.Ctx, c.Name); err != nil {
			return err
		}
		info, err := box.Info(env.Ctx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(info.Snapshots, func(s vzsandbox.Snapshot) bool { return s.Name == c.Name })
		if at < 0 {
			return command.PrintLine(env, c.Name) // removed meanwhile
		}
		return printed(env, c.Name, info.Snapshots[at])
	})
}

type snapshots struct {
	Sandbox string `arg:"" help:"Sandbox."`
	Format  string `placeholder:"FORMAT" help:"table, json or a Go template."`
	Quiet   bool   `short:"q" help:"Show names only."`
}

var snapshotListing = output.Listing{
	Columns: []string{"Name", "CreatedAt", "Parent", "Note"}, Quiet: "Name", Headers: map[string]string{"CreatedAt": "CREATED"},
}

// Run implements command.Verb.
func (c *snapshots) Run(env *command.Env) error {
	box, err := find(env, c.Sandbox)
	if err != nil {
		return err
	}
	info, err := box.Info(env.Ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	return printAll(env, snapshotListing, env.Listing(c.Format, c.Quiet), info.Snapshots, func(s vzsandbox.Snapshot) output.Row {
		note := ""
		switch {
		case s.Pending:
			note = "unfinished: make it again"
		case s.Name == info.Base:
			note = "the files come from it"
		}
		return output.Row{"Name": s.Name, "CreatedAt": output.Ago(now, s.CreatedAt), "Parent": s.Parent, "Note": note}
	})
}

type restore struct {
	Sandbox string `arg:"" help:"Sandbox; what runs in it is killed."`
	Name    string `arg:"" name:"snapshot" help:"Snapshot."`
}

// Run implements command.Verb.
func (c *restore) Run(env *command.Env) error {
	return with(env, c.Sandbox, func(box *vzsandbox.Sandbox) error {
		if err := box.Restore(env.Ctx, c.Name); err != nil {
			return err
		}
		return printInfo(env, box)
	})
}

type fork struct {
	Sandbox  string `arg:"" help:"Sandbox."`
	Snapshot string `arg:"" help:"Snapshot of it."`
	Name     string `arg:"" optional:"" help:"Name of the new sandbox."`
}

// Run implements command.Verb.
func (c *fork) Run(env *command.Env) error {
	return with(env, c.Sandbox, func(box *vzsandbox.Sandbox) error {
		made, err := box.Fork(env.Ctx, c.Snapshot, c.Name)
		if err != nil {
			return err
		}
		return printInfo(env, made)
	})
}
