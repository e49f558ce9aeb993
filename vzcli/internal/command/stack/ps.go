package stack

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"vz.internal/vzcli/internal/command"
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
	for _, container := range all {
		state := stateWord(container.ContainerInfo)
		known := loaded == nil || slices.Contains(loaded.ServiceNames(), container.Service)
		switch {
		case len(c.Services) > 0 && !slices.Contains(c.Services, container.Service),
			!c.Orphans && !known,
			len(states) > 0 && !slices.Contains(states, state),
			len(states) == 0 && !c.All && (container.OneOff || !container.Running()):
			continue
		}
		rows = append(rows, row(container, c.NoTrunc))
		services = append(services, container.Service)
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

// stateWord is docker's name of a state.
func stateWord(info vzcontract.ContainerInfo) string {
	switch {
	case info.Restarting:
		return "restarting"
	case info.State == vzcontract.StateStopped:
		return "exited"
	}
	return string(info.State)
}

// status is docker's text of a state.
func status(info vzcontract.ContainerInfo, now time.Time) string {
	code := 0
	if info.Exit != nil {
		code = info.Exit.Code
	}
	switch stateWord(info) {
	case "restarting":
		return fmt.Sprintf("Restarting (%d) %s", code, output.Ago(now, info.StoppedAt))
	case "exited":
		return fmt.Sprintf("Exited (%d) %s", code, output.Ago(now, info.StoppedAt))
	case "created":
		return "Created"
	}
	text := "Up " + output.Span(now.Sub(info.StartedAt))
	if info.State == vzcontract.StatePaused {
		return text + " (Paused)"
	}
	if info.Health != nil {
		word := string(info.Health.Status)
		if info.Health.Status == vzcontract.HealthStarting {
			word = "health: starting"
		}
		text += " (" + word + ")"
	}
	return text
}

func ports(info vzcontract.ContainerInfo) string {
	words := make([]string, 0, len(info.Ports))
	for _, p := range info.Ports {
		words = append(words, fmt.Sprintf("%s->%d/%s", net.JoinHostPort(p.HostIP, strconv.Itoa(int(p.HostPort))), p.ContainerPort, p.Protocol))
	}
	return strings.Join(words, ", ")
}

func row(c plan.Container, full bool) output.Row {
	now := time.Now()
	line := command.OneLine(strings.Join(c.Command, " "))
	id := c.ID
	if !full {
		line, id = output.Ellipsis(line, 20), output.ShortID(id)
	}
	health, code := "", 0
	if c.Health != nil {
		health = string(c.Health.Status)
	}
	if c.Exit != nil {
		code = c.Exit.Code
	}
	return output.Row{
		"ID": id, "Name": c.Name, "Names": c.Name, "Image": cmp.Or(c.Image, c.Config.Rootfs), "Command": strconv.Quote(line),
		"Project": c.Project, "Service": c.Service, "RunningFor": output.Ago(now, c.CreatedAt), "CreatedAt": output.Time(c.CreatedAt),
		"Status": status(c.ContainerInfo, now), "State": stateWord(c.ContainerInfo), "Health": health, "ExitCode": code,
		"Ports": ports(c.ContainerInfo), "Labels": output.Labels(c.Labels), "Number": c.Number,
	}
}
