package stack

import (
	"strconv"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzstack"
)

type logs struct {
	*project    `kong:"-"`
	Services    []string `arg:"" optional:"" help:"Services; all without."`
	Follow      bool     `short:"f" help:"Go on as more is written."`
	Tail        string   `short:"n" default:"all" placeholder:"N" help:"Number of lines of each container from the end, or all."`
	Since       string   `placeholder:"TIME" help:"Only after a time (2026-01-02T15:04:05Z) or age (10m)."`
	Until       string   `placeholder:"TIME" help:"Only before a time or age."`
	Timestamps  bool     `short:"t" help:"Show when each line was written."`
	Index       int      `placeholder:"N" help:"Only that replica."`
	NoColor     bool     `help:"Show names without colours."`
	NoLogPrefix bool     `help:"Show output without names."`
}

// Run implements command.Verb.
func (c *logs) Run(env *command.Env) error {
	o := vzstack.LogsOptions{Services: c.Services, Index: c.Index, Follow: c.Follow, Tail: -1}
	if c.Tail != "all" {
		n, err := strconv.Atoi(c.Tail)
		if err != nil {
			return command.Usagef("--tail %s: want a number of lines or all", c.Tail)
		}
		o.Tail = n
	}
	var err error
	now := time.Now()
	if o.Since, err = command.ParseTime("since", c.Since, now); err != nil {
		return err
	}
	if o.Until, err = command.ParseTime("until", c.Until, now); err != nil {
		return err
	}
	s, name, _, err := c.named(env, c.Services)
	if err != nil {
		return err
	}
	all, err := s.Containers(env.Ctx, name)
	if err != nil {
		return err
	}
	var names []string
	for _, container := range all {
		names = append(names, short(name, container.Name))
	}
	ansi := c.ansi
	if c.NoColor {
		ansi = "never"
	}
	out := newLines(env, ansi, names)
	out.plain, out.times, out.err = c.NoLogPrefix, c.Timestamps, out.out // all is output here, as compose has it
	return s.Logs(env.Ctx, name, o, out.print)
}
