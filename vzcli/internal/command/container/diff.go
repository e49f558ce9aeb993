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
	var rows []output.Row
	for _, change := range changes {
		rows = append(rows, output.Row{"Type": string(change.Kind), "Path": change.Path})
	}
	opts := env.Listing(c.Format, false)
	if opts.Format == "" {
		opts.Format = "{{.Type}} {{.Path}}"
	}
	l := output.Listing{Columns: []string{"Type", "Path"}, Quiet: "Path", Headers: map[string]string{"Type": "CHANGE TYPE"}}
	return l.Print(env.Stdout, opts, rows)
}
