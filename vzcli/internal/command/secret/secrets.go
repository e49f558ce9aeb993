package secret

import (
	"errors"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzstack/secret"
)

type create struct {
	Name string `arg:"" help:"Name."`
	File string `arg:"" optional:"" help:"File that holds it; stdin without, or with -."`
}

// Run implements command.Verb.
func (c *create) Run(env *command.Env) error {
	s, err := open(env)
	if err != nil {
		return err
	}
	in, err := env.ReadInput(c.File)
	if err != nil {
		return err
	}
	if err := errors.Join(s.Create(c.Name, in), in.Close()); err != nil {
		return err
	}
	return command.PrintLine(env, c.Name)
}

type ls struct {
	Format string `placeholder:"FORMAT" help:"table, json or a Go template."`
	Quiet  bool   `short:"q" help:"Show names only."`
}

var listing = output.Listing{Columns: []string{"Name", "CreatedAt"}, Quiet: "Name", Headers: map[string]string{"CreatedAt": "CREATED"}}

// Run implements command.Verb.
func (c *ls) Run(env *command.Env) error {
	s, err := open(env)
	if err != nil {
		return err
	}
	all, err := s.List()
	if err != nil {
		return err
	}
	var rows []output.Row
	for _, info := range all {
		rows = append(rows, row(info))
	}
	return listing.Print(env.Stdout, env.Listing(c.Format, c.Quiet), rows)
}

func row(info secret.Info) output.Row {
	return output.Row{"Name": info.Name, "ID": info.Name, "CreatedAt": output.Ago(time.Now(), info.Created)}
}

type rm struct {
	Names []string `arg:"" help:"Names."`
}

// Run implements command.Verb.
func (c *rm) Run(env *command.Env) error {
	s, err := open(env)
	if err != nil {
		return err
	}
	return command.Each(env.Stdout, c.Names, s.Remove)
}
