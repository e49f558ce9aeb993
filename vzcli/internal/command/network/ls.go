package network

import (
	"strconv"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type ls struct {
	Filter  []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Show only those that match."`
	Format  string   `placeholder:"FORMAT" help:"table, json or a Go template."`
	NoTrunc bool     `help:"Do not shorten ids."`
	Quiet   bool     `short:"q" help:"Show ids only."`
}

var listing = output.Listing{
	Columns: []string{"ID", "Name", "Driver", "Scope"}, Quiet: "ID", Headers: map[string]string{"ID": "NETWORK ID", "CreatedAt": "CREATED AT"},
	Sample: func() output.Row { return new(ls).row(vzcontract.NetworkInfo{}) },
}

// Run implements command.Verb.
func (c *ls) Run(env *command.Env) error {
	f, err := output.ParseFilters(c.Filter, "driver", "id", "label", "name", "scope", "type", "dangling")
	if err != nil {
		return err
	}
	dangling, asked, err := f.Bool("dangling")
	if err != nil {
		return err
	}
	_, n, err := open(env)
	if err != nil {
		return err
	}
	all, err := n.ListNetworks(env.Ctx)
	if err != nil {
		return err
	}
	var rows []output.Row
	for _, info := range all {
		kind := "custom"
		if predefined(info.Name) {
			kind = "builtin"
		}
		ok := f.MatchLabels(info.Labels) && (!asked || dangling == (kind == "custom" && len(info.Containers) == 0)) &&
			f.Match("driver", func(v string) bool { return v == info.Driver }) &&
			f.Match("id", func(v string) bool { return strings.HasPrefix(info.ID, v) }) &&
			f.Match("name", func(v string) bool { return strings.Contains(info.Name, v) }) &&
			f.Match("scope", func(v string) bool { return v == "local" }) &&
			f.Match("type", func(v string) bool { return v == kind })
		if ok {
			rows = append(rows, c.row(info))
		}
	}
	return listing.Print(env.Stdout, env.Listing(c.Format, c.Quiet), rows)
}

// predefined networks are always there.
func predefined(name string) bool { return name == "bridge" || name == "host" || name == "none" }

func (c *ls) row(n vzcontract.NetworkInfo) output.Row {
	id := output.ShortID(n.ID)
	if c.NoTrunc {
		id = n.ID
	}
	return output.Row{
		"ID": id, "Name": n.Name, "Driver": n.Driver, "Scope": "local", "IPv4": "true", "IPv6": strconv.FormatBool(n.IPv6),
		"Internal": strconv.FormatBool(n.Internal), "Labels": output.Labels(n.Labels), "CreatedAt": output.Time(n.CreatedAt),
	}
}
