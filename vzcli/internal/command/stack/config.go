package stack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
	"vz.internal/vzstack/compose"
)

type config struct {
	*project      `kong:"-"`
	Names         []string `arg:"" optional:"" placeholder:"SERVICE" help:"Services; all without."`
	Check         bool     `help:"Show each key of the files and what becomes of it; fail where one is refused."`
	Format        string   `placeholder:"FORMAT" help:"yaml or json."`
	Services      bool     `help:"Show the names of services."`
	Volumes       bool     `help:"Show the names of volumes."`
	Networks      bool     `help:"Show the names of networks."`
	Images        bool     `help:"Show the names of images."`
	Profiles      bool     `help:"Show the names of profiles."`
	Environment   bool     `help:"Show the variables that are interpolated with."`
	Hash          string   `placeholder:"SERVICE" help:"Show the hash of a service's configuration; * is all."`
	Variables     bool     `help:"Show the variables that the files have, with their defaults."`
	NoInterpolate bool     `help:"Leave variables as they are."`
	NoEnvRes      bool     `name:"no-env-resolution" help:"Leave env_file as written."`
	NoNormalize   bool     `help:"Leave out what follows by default."`
	NoPathRes     bool     `name:"no-path-resolution" help:"Leave paths as written."`
	Output        string   `short:"o" placeholder:"FILE" help:"Write to a file."`
	Quiet         bool     `short:"q" help:"Only check."`
}

// Run implements command.Verb.
func (c *config) Run(env *command.Env) error {
	if c.Format != "" && c.Format != "yaml" && c.Format != "json" {
		return command.Usagef("--format %s: want yaml or json", c.Format)
	}
	src := c.source()
	src.NoInterpolate, src.NoNormalize, src.RelativePaths = c.NoInterpolate, c.NoNormalize, c.NoPathRes
	switch {
	case c.Variables:
		return c.variables(env, src)
	case c.NoInterpolate && !c.Check && !c.lists() && c.Hash == "" && len(c.Names) == 0:
		return c.model(env, src)
	}
	loaded, err := c.loadFrom(env, src)
	if err != nil {
		return err
	}
	if loaded, err = loaded.Select(c.Names, compose.WithDependencies); err != nil {
		return err
	}
	switch {
	case c.Check:
		return c.check(env, loaded)
	case c.Hash != "":
		return c.hash(env, loaded)
	case c.lists():
		for _, name := range c.list(loaded) {
			if err := command.PrintLine(env, name); err != nil {
				return err
			}
		}
		return nil
	case c.Quiet:
		return nil
	}
	if !c.NoEnvRes {
		if loaded, err = loaded.Resolve(); err != nil {
			return err
		}
	}
	data, err := loaded.MarshalYAML()
	if c.Format == "json" || env.Globals.JSON {
		data, err = loaded.MarshalJSON()
		data = append(data, '\n')
	}
	if err != nil {
		return err
	}
	if !c.NoInterpolate { // what is written is read again as it is
		data = bytes.ReplaceAll(data, []byte("$"), []byte("$$"))
	}
	return c.write(env, data)
}

// write puts the document where it is wanted.
func (c *config) write(env *command.Env, data []byte) error {
	if c.Output != "" {
		return os.WriteFile(c.Output, data, 0o644)
	}
	_, err := env.Stdout.Write(data)
	return err
}

// lists reports whether names are asked for.
func (c *config) lists() bool {
	return c.Services || c.Volumes || c.Networks || c.Images || c.Profiles || c.Environment
}

func (c *config) list(p *compose.Project) []string {
	var names []string
	switch {
	case c.Services:
		return p.ServiceNames()
	case c.Volumes:
		return p.VolumeNames()
	case c.Networks:
		return p.NetworkNames()
	case c.Environment:
		for _, name := range slices.Sorted(maps.Keys(p.Environment)) {
			names = append(names, name+"="+p.Environment[name])
		}
		return names
	case c.Images:
		for _, name := range p.ServiceNames() {
			image := p.Services[name].Image
			if image == "" {
				image = p.ImageName(name)
			}
			names = append(names, image)
		}
	case c.Profiles:
		for _, s := range p.AllServices() {
			names = append(names, s.Profiles...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// check prints the table of keys. A refused one fails the command.
func (c *config) check(env *command.Env, p *compose.Project) error {
	s, _, err := c.stack(env)
	if err != nil {
		return err
	}
	rows, err := p.Check(env.Ctx, s.Host(p.Name))
	if err != nil {
		return err
	}
	refused := 0
	for _, r := range rows {
		if r.Status == compose.Refuse {
			refused++
		}
	}
	if !c.Quiet {
		if err := c.printRows(env, rows); err != nil {
			return err
		}
	}
	if refused > 0 {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "%d of %d keys are refused", refused, len(rows))
	}
	return nil
}

func (c *config) printRows(env *command.Env, rows []compose.Row) error {
	if c.Format == "json" || env.Globals.JSON {
		encoder := json.NewEncoder(env.Stdout)
		encoder.SetEscapeHTML(false)
		for _, r := range rows {
			if err := encoder.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "WHERE\tKEY\tSTATUS\tNOTE")
	for _, r := range rows {
		where := "-"
		if r.Line > 0 {
			where = fmt.Sprintf("%s:%d", r.File, r.Line)
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%s\t%s\t%s\t%s", where, r.Path, r.Status, r.Note), "\t"))
	}
	return w.Flush()
}

func (c *config) hash(env *command.Env, p *compose.Project) error {
	s, _, err := c.stack(env)
	if err != nil {
		return err
	}
	d, err := p.Desired(env.Ctx, s.Host(p.Name))
	if err != nil {
		return err
	}
	wanted := strings.Split(c.Hash, ",")
	for _, service := range d.Services {
		if c.Hash != "*" && !slices.Contains(wanted, service.Name) {
			continue
		}
		if err := command.PrintLine(env, service.Name+" "+service.Hash); err != nil {
			return err
		}
	}
	return nil
}
