package container

import (
	"slices"
	"strings"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type ps struct {
	All     bool     `short:"a" help:"Show stopped ones too."`
	Filter  []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Show only those that match."`
	Format  string   `placeholder:"FORMAT" help:"table, json or a Go template."`
	Last    int      `short:"n" default:"-1" placeholder:"N" help:"Show the N newest, stopped ones too."`
	Latest  bool     `short:"l" help:"Show the newest, stopped ones too."`
	NoTrunc bool     `help:"Do not shorten ids and commands."`
	Quiet   bool     `short:"q" help:"Show ids only."`
	Size    bool     `short:"s" help:"Show what the containers' files take."`
}

var listing = output.Listing{
	Columns: []string{"ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"},
	Quiet:   "ID",
	Headers: map[string]string{"ID": "CONTAINER ID", "RunningFor": "CREATED", "CreatedAt": "CREATED AT", "LocalVolumes": "LOCAL VOLUMES"},
	Sample:  func() output.Row { return Row(vzcontract.ContainerInfo{}, time.Time{}, false) },
}

// Run implements command.Verb.
func (c *ps) Run(env *command.Env) error {
	s, err := env.Services()
	if err != nil {
		return err
	}
	match, err := newFilter(env, s, c.Filter)
	if err != nil {
		return err
	}
	all, err := s.Backend.List(env.Ctx)
	if err != nil {
		return err
	}
	last := c.Last
	if c.Latest {
		last = 1
	}
	everything := c.All || last > 0 || match.asksState()
	now := time.Now()
	var rows []output.Row
	for _, info := range all {
		if !everything && !info.Restarting && info.State != vzcontract.StateRunning && info.State != vzcontract.StatePaused {
			continue
		}
		if !match.ok(info) {
			continue
		}
		if last > 0 && len(rows) == last {
			break
		}
		row := Row(info, now, c.NoTrunc)
		if c.Size || strings.Contains(c.Format, ".Size") {
			z, known, err := measure(env, s, info)
			if err != nil {
				return err
			}
			row["Size"] = sizeWord(z, known)
		}
		rows = append(rows, row)
	}
	shown := listing
	if c.Size {
		shown.Columns = append(slices.Clone(shown.Columns), "Size")
	}
	return shown.Print(env.Stdout, env.Listing(c.Format, c.Quiet), rows)
}
