package image

import (
	"strconv"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
)

type history struct {
	Image   string `arg:"" help:"Image."`
	Format  string `placeholder:"FORMAT" help:"table, json or a Go template."`
	Human   bool   `short:"H" default:"true" negatable:"" help:"Sizes and ages for people."`
	NoTrunc bool   `help:"Do not shorten."`
	Quiet   bool   `short:"q" help:"Show ids only."`
}

var historyListing = output.Listing{
	Columns: []string{"ID", "CreatedSince", "CreatedBy", "Size", "Comment"}, Quiet: "ID",
	Headers: map[string]string{"ID": "IMAGE", "CreatedSince": "CREATED", "CreatedBy": "CREATED BY", "CreatedAt": "CREATED AT"},
}

// Run implements command.Verb.
func (c *history) Run(env *command.Env) error {
	store, err := openStore(env)
	if err != nil {
		return err
	}
	entries, err := store.History(env.Ctx, c.Image)
	if err != nil {
		return err
	}
	now := time.Now()
	var rows []output.Row
	for _, e := range entries {
		id, by, size, since := e.ID, command.OneLine(e.CreatedBy), strconv.FormatInt(e.Size, 10), e.Created.Local().Format(time.RFC3339)
		if !c.NoTrunc {
			id, by = output.ShortID(id), output.Ellipsis(by, 45)
		}
		if id == "" {
			id = "<missing>"
		}
		if c.Human {
			size, since = output.Size(e.Size), output.Ago(now, e.Created)
		}
		rows = append(rows, output.Row{
			"ID": id, "CreatedSince": since, "CreatedAt": e.Created.Local().Format(time.RFC3339), "CreatedBy": by, "Size": size, "Comment": e.Comment,
		})
	}
	return historyListing.Print(env.Stdout, env.Listing(c.Format, c.Quiet), rows)
}
