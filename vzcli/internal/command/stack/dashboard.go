package stack

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/container"
	page "vz.internal/vzcli/internal/dashboard"
	"vz.internal/vzcontract"
	"vz.internal/vzstack"
	"vz.internal/vzstack/plan"
)

type dashboard struct {
	*project `kong:"-"`
	Interval time.Duration `default:"1s" help:"Time between measurements."`
}

// Run implements command.Verb.
func (c *dashboard) Run(env *command.Env) error {
	if c.Interval < 100*time.Millisecond {
		return command.Usagef("--interval %s: want 100ms or more", c.Interval)
	}
	in, okIn := command.Terminal(env.Stdin)
	out, okOut := command.Terminal(env.Stdout)
	if !okIn || !okOut {
		return command.Usagef("dashboard: needs a terminal; see vz stack ps, logs and events")
	}
	env.Globals.Quiet = true // nothing may be written beside the page
	s, name, _, err := c.named(env, nil)
	if err != nil {
		return err
	}
	services, err := env.Services()
	if err != nil {
		return err
	}
	f := &feed{stack: s, project: name, interval: c.Interval, before: map[string]vzcontract.Stats{}}
	if statser, ok := services.Backend.(vzcontract.Statser); ok && services.Backend.Capabilities().Has(vzcontract.FeatureStats) {
		f.stats = statser
	}
	return page.Run(env.Ctx, page.Config{Title: name, In: in, Out: out, Feed: f.run})
}

// A feed turns what a project does into messages of the page.
type feed struct {
	stack    *vzstack.Stack
	stats    vzcontract.Statser // nil where the backend does not measure
	project  string
	interval time.Duration
	before   map[string]vzcontract.Stats // last sample by container
}

func (f *feed) run(ctx context.Context, send func(any)) error {
	follower := f.stack.Follow(ctx, func(l vzstack.Line) error {
		send(page.Line{Name: short(f.project, l.Container.Name), Text: strings.TrimRight(string(l.Text), "\r\n")})
		return nil
	}, nil)
	defer follower.Close()
	news := make(chan struct{}, 1)
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { f.happenings(ctx, send, news) })
	tick := time.NewTicker(f.interval)
	defer tick.Stop()
	for {
		all, err := f.stack.Containers(ctx, f.project)
		if err != nil {
			return err
		}
		send(page.Services(f.rows(ctx, all)))
		for _, one := range all {
			if !one.Running() {
				continue
			}
			if err := follower.Add(one.ID, vzcontract.LogOptions{Tail: 100}); err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
				return err
			}
		}
		select {
		case <-news:
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// happenings sends events, and asks for a fresh look after each.
func (f *feed) happenings(ctx context.Context, send func(any), news chan<- struct{}) {
	err := f.stack.Events(ctx, f.project, vzcontract.EventOptions{Since: time.Now().Add(-time.Minute)}, func(e vzstack.Event) error {
		if strings.HasPrefix(e.Action, "exec_") {
			return nil
		}
		text := short(f.project, e.Attributes["name"]) + " " + e.Action
		for _, key := range []string{"health", "exitCode", "signal"} {
			if v := e.Attributes[key]; v != "" {
				text += " " + key + "=" + v
			}
		}
		send(page.Event{Time: e.Time, Text: text})
		select {
		case news <- struct{}{}:
		default:
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		send(page.Failure{Err: err})
	}
}

func (f *feed) rows(ctx context.Context, all []plan.Container) []page.Service {
	rows := make([]page.Service, 0, len(all))
	for _, one := range all {
		row := page.Service{Name: short(f.project, one.Name), State: container.State(one.ContainerInfo), CPU: -1, Ports: container.Ports(one.ContainerInfo)}
		if one.Health != nil {
			row.Health = string(one.Health.Status)
		}
		if f.stats != nil && one.State == vzcontract.StateRunning {
			// One that ended meanwhile has no measurements; the next look shows it.
			if now, err := f.stats.Stats(ctx, one.ID); err == nil {
				row.Memory = now.Memory
				if last, ok := f.before[one.ID]; ok && now.Time.After(last.Time) {
					row.CPU = 100 * float64(now.CPU-last.CPU) / float64(now.Time.Sub(last.Time))
				}
				f.before[one.ID] = now
			}
		}
		rows = append(rows, row)
	}
	return rows
}
