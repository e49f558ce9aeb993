package stack

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzstack/compose"
)

// model prints the merged files with their variables as they are.
func (c *config) model(env *command.Env, src compose.Source) error {
	model, err := compose.Model(env.Ctx, src)
	if err != nil || c.Quiet {
		return err
	}
	return c.document(env, model, 2)
}

// variables prints the variables of the files: a table, or a document by name.
func (c *config) variables(env *command.Env, src compose.Source) error {
	found, err := compose.Variables(env.Ctx, src)
	if err != nil {
		return err
	}
	if c.Format != "" || env.Globals.JSON {
		return c.document(env, found, 4)
	}
	w := tabwriter.NewWriter(env.Stdout, 20, 1, 3, ' ', 0)
	fmt.Fprintln(w, "NAME\tREQUIRED\tDEFAULT VALUE\tALTERNATE VALUE")
	for _, name := range slices.Sorted(maps.Keys(found)) {
		v := found[name]
		fmt.Fprintf(w, "%s\t%t\t%s\t%s\n", name, v.Required, v.DefaultValue, v.PresenceValue)
	}
	return w.Flush()
}

// document prints v as YAML, or as JSON where that is asked for.
func (c *config) document(env *command.Env, v any, indent int) error {
	data, err := compose.YAML(v, indent)
	if c.Format == "json" || env.Globals.JSON {
		data, err = json.MarshalIndent(v, "", strings.Repeat(" ", indent))
		data = append(data, '\n')
	}
	if err != nil {
		return err
	}
	return c.write(env, data)
}
