package stack

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/container"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzstack/plan"
)

type ls struct {
	*project `kong:"-"`
	All      bool     `short:"a" help:"Show projects of which nothing runs too."`
	Filter   []string `sep:"none" placeholder:"name=NAME" help:"Show only those that match."`
	Format   string   `placeholder:"FORMAT" help:"table, json or a Go template."`
	Quiet    bool     `short:"q" help:"Show names only."`
}

var projects = output.Listing{
	Columns: []string{"Name", "Status", "ConfigFiles"}, Quiet: "Name", Array: true, Headers: map[string]string{"ConfigFiles": "CONFIG FILES"},
}

// Run implements command.Verb.
func (c *ls) Run(env *command.Env) error {
	f, err := output.ParseFilters(c.Filter, "name")
	if err != nil {
		return err
	}
	s, services, err := c.stack(env)
	if err != nil {
		return err
	}
	all, err := services.Backend.List(env.Ctx)
	if err != nil {
		return err
	}
	records, err := s.Records()
	if err != nil {
		return err
	}
	files, states := map[string]string{}, map[string]map[string]int{}
	for _, r := range records {
		files[r.Project], states[r.Project] = strings.Join(r.Files, ","), map[string]int{}
	}
	for _, info := range all {
		one, ok := plan.ContainerOf(info)
		if !ok || one.OneOff {
			continue
		}
		if states[one.Project] == nil {
			files[one.Project], states[one.Project] = info.Labels[plan.LabelFiles], map[string]int{}
		}
		states[one.Project][container.State(info)]++
	}
	var rows []output.Row
	for _, name := range slices.Sorted(maps.Keys(states)) {
		running := states[name]["running"] + states[name]["restarting"] + states[name]["paused"]
		if !f.Match("name", func(v string) bool { return strings.Contains(name, v) }) || !c.All && running == 0 {
			continue
		}
		rows = append(rows, output.Row{"Name": name, "Status": tally(states[name]), "ConfigFiles": files[name]})
	}
	return projects.Print(env.Stdout, env.Listing(c.Format, c.Quiet), rows)
}

// tally is "exited(1), running(2)".
func tally(states map[string]int) string {
	var words []string
	for _, state := range slices.Sorted(maps.Keys(states)) {
		words = append(words, fmt.Sprintf("%s(%d)", state, states[state]))
	}
	if words == nil {
		return "no containers"
	}
	return strings.Join(words, ", ")
}
