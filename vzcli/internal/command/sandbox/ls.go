package sandbox

import (
	"errors"
	"slices"
	"strings"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
)

type ls struct {
	Filter []string `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Show only those that match: label, label!, name, pool, state."`
	Format string   `placeholder:"FORMAT" help:"table, json or a Go template."`
	Quiet  bool     `short:"q" help:"Show names only."`
}

var listing = output.Listing{
	Columns: []string{"Name", "State", "Image", "CreatedAt", "LastUsed", "Pool", "Project"}, Quiet: "Name",
	Headers: map[string]string{"ID": "ID", "CreatedAt": "CREATED", "LastUsed": "LAST USED", "ExpiresAt": "EXPIRES"},
}

// states are those that the filter knows.
var states = []string{
	string(vzcontract.SandboxCreating), string(vzcontract.SandboxReady), "paused", string(vzcontract.SandboxDraining),
	string(vzcontract.SandboxTerminated), string(vzcontract.SandboxFailed),
}

// Run implements command.Verb.
func (c *ls) Run(env *command.Env) error {
	filters, err := output.ParseFilters(c.Filter, "label", "label!", "name", "pool", "state")
	if err != nil {
		return err
	}
	for _, s := range filters["state"] {
		if !slices.Contains(states, s) {
			return vzcontract.Errorf(vzcontract.ErrValidation, "--filter state=%s: unknown state; known are %s", s, strings.Join(states, ", "))
		}
	}
	h, _, err := open(env, "")
	if err != nil {
		return err
	}
	all, damaged := h.List(env.Ctx)
	all = slices.DeleteFunc(all, func(i vzsandbox.Info) bool { return !matches(filters, i) })
	now := time.Now()
	shown := printAll(env, listing, env.Listing(c.Format, c.Quiet), all, func(i vzsandbox.Info) output.Row { return row(now, i) })
	return errors.Join(shown, damaged)
}

func matches(f output.Filters, i vzsandbox.Info) bool {
	return f.MatchLabels(i.Labels) &&
		f.Match("name", func(v string) bool { return strings.Contains(i.Name, v) }) &&
		f.Match("pool", func(v string) bool { return i.Pool == v }) &&
		f.Match("state", func(v string) bool { return state(i) == v })
}

// state is that of the sandbox, or paused.
func state(i vzsandbox.Info) string {
	if i.Paused && i.State == vzcontract.SandboxReady {
		return "paused"
	}
	return string(i.State)
}

func row(now time.Time, i vzsandbox.Info) output.Row {
	r := output.Row{
		"ID": output.ShortID(i.ID), "Name": i.Name, "State": state(i), "Reason": i.Reason, "Image": i.Template.Image, "Workspace": i.Workspace,
		"CreatedAt": output.Ago(now, i.CreatedAt), "LastUsed": "", "ExpiresAt": "", "Pool": i.Pool, "Project": "",
		"Labels": output.Labels(i.Labels),
	}
	if !i.LastUsed.IsZero() {
		r["LastUsed"] = output.Ago(now, i.LastUsed)
	}
	if !i.ExpiresAt.IsZero() {
		r["ExpiresAt"] = "in " + output.Span(i.ExpiresAt.Sub(now))
	}
	if i.Pool != "" && i.Taken {
		r["Pool"] = i.Pool + " (taken)"
	}
	if p := i.Project; p != nil {
		how := "ro"
		if p.Copy {
			how = "copy"
		} else if p.Writable {
			how = "rw"
		}
		r["Project"] = p.Dir + " (" + how + ")"
	}
	return r
}

type inspect struct {
	Names  []string `arg:"" name:"sandbox" help:"Sandboxes."`
	Format string   `short:"f" placeholder:"FORMAT" help:"json or a Go template."`
}

// Run implements command.Verb.
func (c *inspect) Run(env *command.Env) error {
	h, _, err := open(env, "")
	if err != nil {
		return err
	}
	var found []vzsandbox.Info
	var errs []error
	for _, name := range c.Names {
		box, err := lookUp(env, h, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		info, err := box.Info(env.Ctx)
		if info.ID != "" {
			found = append(found, info)
		}
		errs = append(errs, err)
	}
	err = errors.Join(errs...)
	if err != nil && env.Globals.JSON {
		return err // which is the one document
	}
	return errors.Join(output.Documents(env.Stdout, c.Format, found), err)
}
