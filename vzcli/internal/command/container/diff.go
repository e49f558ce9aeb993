package container

import (
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type diff struct {
	Container string `arg:"" help:"Container."`
	Format    string `placeholder:"FORMAT" help:"table, json or a Go template."`
}

// Run implements command.Verb.
func (c *diff) Run(env *command.Env) error {
	s, err := env.Services()
	if err != nil {
		return err
	}
	d, err := command.Need[vzcontract.Differ](s, vzcontract.FeatureDiff)
	if err != nil {
		return err
	}
	changes, err := d.Diff(env.Ctx, c.Container)
	if err != nil {
		return err
	}
	opts := env.Listing(c.Format, false)
	plain := opts.Format == ""
	if plain {
		opts.Format = "{{.Type}} {{.Path}}"
	}
	var rows []output.Row
	for _, change := range changes {
		name := change.Path
		if plain {
			name = output.Printable(name)
		}
		rows = append(rows, output.Row{"Type": string(change.Kind), "Path": name})
	}
	l := output.Listing{Columns: []string{"Type", "Path"}, Quiet: "Path", Headers: map[string]string{"Type": "CHANGE TYPE"}}
	return l.Print(env.Stdout, opts, rows)
}
