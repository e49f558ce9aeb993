package sandbox

import (
	"errors"
	"fmt"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcli/internal/poolsocket"
	"vz.internal/vzcli/internal/runflags"
	"vz.internal/vzcontract"
)

// dial connects to a pool.
func dial(env *command.Env, pool string) (*poolsocket.Client, error) {
	s, err := env.Services()
	if err != nil {
		return nil, err
	}
	return pools(s).Dial(env.Ctx, pool)
}

type acquire struct {
	Pool         string `arg:"" help:"Pool."`
	Name         string `help:"Give the sandbox this name."`
	Wait         bool   `help:"Wait until a sandbox is ready; else it is an error when none is."`
	projectFlags `embed:""`
	Label        []string `short:"l" sep:"none" placeholder:"KEY[=VALUE]" help:"Set a label."`
	Meta         []string `sep:"none" placeholder:"KEY=VALUE" help:"Note something of your own, which inspect shows."`
}

// acquired is what pool acquire prints with --json.
type acquired struct {
	poolsocket.Acquired
	TookMs float64 `json:"tookMs"`
}

// Run implements command.Verb.
func (c *acquire) Run(env *command.Env) error {
	r := poolsocket.AcquireRequest{Name: c.Name, Wait: c.Wait}
	var err error
	if r.Project, err = c.project(); err != nil {
		return err
	}
	if r.Labels, err = runflags.Labels(c.Label); err != nil {
		return err
	}
	if r.Metadata, err = command.KeyValues("meta", c.Meta); err != nil {
		return err
	}
	began := time.Now()
	client, err := dial(env, c.Pool)
	if err != nil {
		return err
	}
	box, err := client.Acquire(env.Ctx, r)
	if errors.Is(err, vzcontract.ErrUnsupported) && r.Project != nil && !r.Project.Copy {
		err = fmt.Errorf("%w; give --copy", err)
	}
	if err = errors.Join(err, client.Close()); err != nil {
		return err
	}
	return printed(env, box.Name, acquired{box, milliseconds(time.Since(began))})
}

type poolLs struct {
	Format string `placeholder:"FORMAT" help:"table, json or a Go template."`
	Quiet  bool   `short:"q" help:"Show names only."`
}

var poolListing = output.Listing{
	Columns: []string{"Name", "State", "Image", "Size", "Idle", "Making", "Since"}, Quiet: "Name",
}

// Run implements command.Verb.
func (c *poolLs) Run(env *command.Env) error {
	s, err := env.Services()
	if err != nil {
		return err
	}
	all, err := pools(s).List(env.Ctx)
	return errors.Join(printPools(env, env.Listing(c.Format, c.Quiet), all), err)
}

func printPools(env *command.Env, opts output.Options, all []poolsocket.Status) error {
	now := time.Now()
	return printAll(env, poolListing, opts, all, func(p poolsocket.Status) output.Row {
		r := output.Row{
			"Name": p.Name, "State": "ready", "Image": p.Image, "Size": p.Size, "Idle": p.Idle, "Making": p.Making, "PID": p.PID,
			"Since": output.Ago(now, p.Since), "Error": p.Error,
		}
		switch {
		case p.Dead:
			r = output.Row{"Name": p.Name, "State": "dead", "Image": "", "Size": "", "Idle": "", "Making": "", "PID": "", "Since": "", "Error": ""}
		case p.Error != "":
			r["State"] = "failing"
		case p.Idle == 0:
			r["State"] = "empty"
		}
		return r
	})
}

type poolStatus struct {
	Pool string `arg:"" help:"Pool."`
}

// Run implements command.Verb.
func (c *poolStatus) Run(env *command.Env) error {
	client, err := dial(env, c.Pool)
	if err != nil {
		return err
	}
	st, err := client.Status(env.Ctx)
	if err = errors.Join(err, client.Close()); err != nil {
		return err
	}
	if err := printPools(env, env.Listing("", false), []poolsocket.Status{st}); err != nil {
		return err
	}
	if st.Error == "" || env.Globals.JSON {
		return nil
	}
	next := "it is being tried again"
	if wait := time.Until(st.RetryAt); wait > 0 {
		next = "the next try is in " + output.Span(wait)
	}
	fmt.Fprintf(env.Stderr, "vz: %d failures in a row, %s: %s\n", st.Failures, next, command.OneLine(st.Error))
	return nil
}

type poolStop struct {
	Pools []string `arg:"" name:"pool" help:"Pools."`
}

// Run implements command.Verb.
func (c *poolStop) Run(env *command.Env) error {
	return named(env, c.Pools, nil, func(name string) error {
		client, err := dial(env, name)
		if err != nil {
			return err
		}
		err = client.Stop(env.Ctx)
		if errors.Is(err, vzcontract.ErrUnavailable) {
			err = fmt.Errorf("sandbox pool %s: its process died before all was removed; vz sandbox prune removes the rest: %w", name, err)
		}
		return errors.Join(err, client.Close())
	})
}
