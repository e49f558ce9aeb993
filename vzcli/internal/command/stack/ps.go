package stack

import (
	"maps"
	"slices"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/container"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

type ps struct {
	*project `kong:"-"`
	Services []string `arg:"" optional:"" help:"Services; all without."`
	All      bool     `short:"a" help:"Show stopped ones and those of run too."`
	Filter   []string `sep:"none" placeholder:"KEY=VALUE" help:"Show only those that match: status=STATE."`
	Status   []string `sep:"none" placeholder:"STATE" help:"Show only those in a state."`
	Format   string   `placeholder:"FORMAT" help:"table, json or a Go template."`
	List     bool     `name:"services" help:"Show the names of services."`
	NoTrunc  bool     `help:"Do not shorten commands."`
	Orphans  bool     `default:"true" negatable:"" help:"Show containers of services that the files no longer have."`
	Quiet    bool     `short:"q" help:"Show ids only."`
}

var listing = output.Listing{
	Columns: []string{"Name", "Image", "Command", "Service", "RunningFor", "Status", "Ports"}, Quiet: "ID",
	Headers: map[string]string{"RunningFor": "CREATED"},
}

// Run implements command.Verb.
func (c *ps) Run(env *command.Env) error {
	s, name, loaded, err := c.named(env, c.Services)
	if err != nil {
		return err
	}
	all, err := s.Containers(env.Ctx, name)
	if err != nil {
		return err
	}
	states := c.Status
	f, err := output.ParseFilters(c.Filter, "status")
	if err != nil {
		return err
	}
	states = append(states, f["status"]...)
	var rows []output.Row
	var services []string
	for _, one := range all {
		known := loaded == nil || slices.Contains(loaded.ServiceNames(), one.Service)
		switch {
		case len(c.Services) > 0 && !slices.Contains(c.Services, one.Service),
			!c.Orphans && !known,
			len(states) > 0 && !slices.Contains(states, container.State(one.ContainerInfo)),
			len(states) == 0 && !c.All && (one.OneOff || !one.Running()):
			continue
		}
		rows = append(rows, row(one, c.NoTrunc || c.Quiet))
		services = append(services, one.Service)
	}
	if c.List {
		slices.Sort(services)
		for _, service := range slices.Compact(services) {
			if err := command.PrintLine(env, service); err != nil {
				return err
			}
		}
		return nil
	}
	return listing.Print(env.Stdout, env.Listing(c.Format, c.Quiet), rows)
}

func row(c plan.Container, full bool) output.Row {
	row := container.Row(c.ContainerInfo, time.Now(), full)
	health, code := "", 0
	if c.Health != nil {
		health = string(c.Health.Status)
	}
	if c.Exit != nil {
		code = c.Exit.Code
	}
	maps.Copy(row, output.Row{
		"Name": c.Name, "Project": c.Project, "Service": c.Service, "Number": c.Number, "Health": health, "ExitCode": code,
		"Publishers": publishers(c.ContainerInfo),
	})
	return row
}

// A publisher is a port in docker compose's form.
type publisher struct {
	URL           string
	TargetPort    uint16
	PublishedPort uint16
	Protocol      string
}

func publishers(info vzcontract.ContainerInfo) []publisher {
	all := []publisher{}
	for _, p := range container.Published(info) {
		all = append(all, publisher{p.HostIP, p.ContainerPort, p.HostPort, p.Protocol})
	}
	return all
}
