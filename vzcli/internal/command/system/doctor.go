package system

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
)

type doctor struct {
	Repair bool   `help:"Put right what can be: move damaged records aside, remove what nothing owns."`
	Format string `placeholder:"FORMAT" help:"json or a Go template."`
}

// Run implements command.Verb.
func (c *doctor) Run(env *command.Env) error {
	if c.Repair {
		done, err := env.Checks.Repair(env)
		for _, line := range done {
			fmt.Fprintln(env.Stderr, "repaired: "+line)
		}
		if err != nil {
			return err
		}
	}
	results, err := env.Checks.Check(env)
	if err != nil {
		return err
	}
	if format := env.Listing(c.Format, false).Format; format != "" {
		err = output.Documents(env.Stdout, format, results)
	} else {
		err = table(env, results)
	}
	for _, r := range results {
		if r.Status == "failed" {
			return errors.Join(err, command.Exit(command.CodeFailure))
		}
	}
	return err
}

func table(env *command.Env, results []command.CheckResult) error {
	w := tabwriter.NewWriter(env.Stdout, 0, 4, 2, ' ', 0)
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.Status, r.Name, r.Detail)
		if r.Remedy != "" {
			fmt.Fprintf(w, "\t\t→ %s\n", r.Remedy)
		}
	}
	return w.Flush()
}
