package container

import (
	"errors"
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
	imageOf := imageNames(env, s, c.NoTrunc)
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
		if name := imageOf(info); name != "" {
			row["Image"] = name
		}
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

// imageNames tells what a container's image is called where its own name would mislead:
// by its id, once the name is another image's or nobody's. It looks each name up once.
func imageNames(env *command.Env, s *command.Services, noTrunc bool) func(vzcontract.ContainerInfo) string {
	now := map[string]string{} // the id that a name has
	return func(info vzcontract.ContainerInfo) string {
		if s.Images == nil || info.Image == "" || info.ImageID == "" || info.Config.Platform != "" {
			return ""
		}
		id, known := now[info.Image]
		if !known {
			image, err := s.Images.InspectImage(env.Ctx, info.Image)
			if err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
				return ""
			}
			id = image.ID
			now[info.Image] = id
		}
		switch {
		case id == info.ImageID:
			return ""
		case noTrunc:
			return info.ImageID
		}
		return output.ShortID(strings.TrimPrefix(info.ImageID, "sha256:"))
	}
}
