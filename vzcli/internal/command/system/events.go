package system

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type events struct {
	Filter []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Only those that match."`
	Format string   `placeholder:"FORMAT" help:"json or a Go template."`
	Since  string   `placeholder:"TIME" help:"From a time or age on."`
	Until  string   `placeholder:"TIME" help:"Until a time; then end."`
}

// An event is docker's document of an event.
type event struct {
	Status   string `json:"status,omitempty"`
	ID       string `json:"id,omitempty"`
	From     string `json:"from,omitempty"`
	Type     string
	Action   string
	Actor    actor
	Scope    string `json:"scope"`
	Time     int64  `json:"time"`
	TimeNano int64  `json:"timeNano"`
}

type actor struct {
	ID         string
	Attributes map[string]string
}

// Run implements command.Verb.
func (c *events) Run(env *command.Env) error {
	f, err := output.ParseFilters(c.Filter, "container", "event", "image", "label", "network", "scope", "type", "volume")
	if err != nil {
		return err
	}
	var opts vzcontract.EventOptions
	now := time.Now()
	if opts.Since, err = command.ParseTime("since", c.Since, now); err != nil {
		return err
	}
	if opts.Until, err = command.ParseTime("until", c.Until, now); err != nil {
		return err
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	source, err := command.Need[vzcontract.EventSource](s, vzcontract.FeatureEvents)
	if err != nil {
		return err
	}
	format := env.Listing(c.Format, false).Format
	return source.Events(env.Ctx, opts, func(e vzcontract.Event) error {
		if verdict := e.Attributes["health"]; e.Action == "health_status" && verdict != "" {
			e.Action += ": " + verdict // as docker words it
		}
		if !matches(f, e) {
			return nil
		}
		return show(env, format, e)
	})
}

func show(env *command.Env, format string, e vzcontract.Event) error {
	if format == "" {
		return command.PrintLine(env, line(e))
	}
	d := event{
		Type: e.Type, Action: e.Action, Actor: actor{e.ID, e.Attributes}, Scope: "local", Time: e.Time.Unix(), TimeNano: e.Time.UnixNano(),
	}
	if e.Type == "container" || e.Type == "image" {
		d.Status, d.ID, d.From = e.Action, e.ID, e.Attributes["image"]
	}
	return output.Documents(env.Stdout, format, []event{d})
}

// line is docker's text of an event.
func line(e vzcontract.Event) string {
	var attributes []string
	for _, key := range slices.Sorted(maps.Keys(e.Attributes)) {
		attributes = append(attributes, key+"="+e.Attributes[key])
	}
	s := fmt.Sprintf("%s %s %s %s", e.Time.Local().Format("2006-01-02T15:04:05.000000000Z07:00"), e.Type, e.Action, e.ID)
	if len(attributes) > 0 {
		s += " (" + strings.Join(attributes, ", ") + ")"
	}
	return command.OneLine(s)
}

func matches(f output.Filters, e vzcontract.Event) bool {
	of := func(kind string) func(string) bool {
		return func(v string) bool {
			return e.Type == kind && (e.ID == v || e.Attributes["name"] == v || len(v) >= 4 && strings.HasPrefix(e.ID, v))
		}
	}
	return f.MatchLabels(e.Attributes) &&
		f.Match("type", func(v string) bool { return e.Type == v }) &&
		f.Match("event", func(v string) bool { return e.Action == v || strings.HasPrefix(e.Action, v+":") }) &&
		f.Match("scope", func(v string) bool { return v == "local" }) &&
		f.Match("container", of("container")) && f.Match("network", of("network")) && f.Match("volume", of("volume")) &&
		f.Match("image", func(v string) bool {
			name := e.Attributes["image"]
			return of("image")(v) || name == v || strings.HasPrefix(name, v+":")
		})
}
