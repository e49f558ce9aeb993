package system

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type doctor struct {
	Repair bool   `help:"Put right what can be: move damaged records aside, remove what nothing owns."`
	Format string `placeholder:"FORMAT" help:"json or a Go template."`
}

// Run implements command.Verb.
func (c *doctor) Run(env *command.Env) error {
	s, err := env.Services()
	if err != nil {
		return err
	}
	if s.Checks == nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "doctor: backend %s has no checks", s.Backend.BackendName())
	}
	if c.Repair {
		done, err := s.Checks.Repair(env.Ctx)
		for _, line := range done {
			fmt.Fprintln(env.Stdout, "repaired: "+line)
		}
		if err != nil {
			return err
		}
	}
	results := s.Checks.Check(env.Ctx)
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
