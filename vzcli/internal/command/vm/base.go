package vm

import (
	"errors"
	"fmt"
	"os"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
	"vz.internal/vzcore/macos/base"
	"vz.internal/vzcore/macos/ipsw"
)

// bases reads a descriptor file, or those that vz knows.
func bases(file string) ([]base.Base, error) {
	if file == "" {
		return base.Embedded()
	}
	return base.Load(file)
}

// fetchBase brings the image of a base into the cache, if it may be used.
func fetchBase(env *command.Env, cache ipsw.Cache, b base.Base, policy base.Policy) (ipsw.Entry, error) {
	if err := policy.Check(b); err != nil {
		return ipsw.Entry{}, err
	}
	if b.Support == base.Deprecated && !env.Globals.Quiet {
		fmt.Fprintf(env.Stderr, "the base %s is deprecated; use %s\n", b.ID, b.Replacement)
	}
	e, err := fetch(env, cache, b.Request())
	if err != nil {
		return e, err
	}
	return e, b.Check(e.Version, e.Build)
}

type baseList struct {
	Bases  string `type:"path" placeholder:"FILE" help:"Descriptor file, in place of the bases that vz knows."`
	Format string `placeholder:"FORMAT" help:"table, json or a Go template."`
	Quiet  bool   `short:"q" help:"Show ids only."`
}

var baseListing = output.Listing{Columns: []string{"ID", "Channel", "Version", "Build", "Size", "Pinned", "Support", "Cached"}, Quiet: "ID"}

// Run implements command.Verb.
func (c *baseList) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	all, err := bases(c.Bases)
	if err != nil {
		return err
	}
	cached, damaged := restoreImages(r).List()
	whole := map[string]bool{}
	for _, e := range cached {
		whole[e.URL] = e.Complete
	}
	rows := []output.Row{}
	for _, b := range all {
		support := b.Support
		if b.Replacement != "" {
			support += ", use " + b.Replacement
		}
		size := "unknown"
		if b.IPSW.Size > 0 {
			size = output.Size(b.IPSW.Size)
		}
		rows = append(rows, output.Row{
			"ID": b.ID, "Channel": b.Channel, "Version": b.Fingerprints.Version, "Build": b.Fingerprints.Build, "Size": size,
			"Pinned": yes(b.Pinned()), "Support": support, "Cached": yes(whole[b.IPSW.URL]), "URL": b.IPSW.URL, "SHA256": b.IPSW.SHA256,
		})
	}
	return errors.Join(baseListing.Print(env.Stdout, env.Listing(c.Format, c.Quiet), rows), damaged)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

type baseVerify struct {
	Names         []string `arg:"" optional:"" name:"base" help:"Ids or channels of bases; all that are in the cache by default."`
	Bases         string   `type:"path" placeholder:"FILE" help:"Descriptor file, in place of the bases that vz knows."`
	Fetch         bool     `help:"Download those that are not in the cache; a Mac is not needed for it."`
	AllowUnpinned bool     `help:"With --fetch: also those of which nobody says what their bytes must be. Where CI is set, VZ_ALLOW_UNPINNED_IN_CI=1 is needed too."`
}

// Run implements command.Verb.
func (c *baseVerify) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	all, err := bases(c.Bases)
	if err != nil {
		return err
	}
	cache := restoreImages(r)
	chosen, err := c.chosen(all, cache)
	if err != nil {
		return err
	}
	policy := base.PolicyOf(os.Getenv, c.AllowUnpinned)
	var errs []error
	for _, b := range chosen {
		if c.Fetch {
			if _, err := fetchBase(env, cache, b, policy); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		e, err := cache.Verify(env.Ctx, b.Request())
		if errors.Is(err, vzcontract.ErrNotFound) {
			err = fmt.Errorf("base %s: %w; vz vm base verify --fetch %s downloads it", b.ID, err, b.ID)
		}
		if err == nil {
			err = b.Check(e.Version, e.Build)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		what := "as pinned"
		if !b.Pinned() {
			what = "as it arrived; it is unpinned"
		}
		fmt.Fprintf(env.Stdout, "%s: macOS %s %s, sha256 %s, %s\n", b.ID, e.Version, e.Build, e.SHA256, what)
	}
	return errors.Join(errs...)
}

// chosen are the bases that were named, or those that are in the cache.
func (c *baseVerify) chosen(all []base.Base, cache ipsw.Cache) ([]base.Base, error) {
	var chosen []base.Base
	for _, name := range c.Names {
		b, err := base.Find(all, name)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, b)
	}
	if len(c.Names) > 0 {
		return chosen, nil
	}
	if c.Fetch {
		return nil, command.Usagef("--fetch: name the bases, each has 15 to 30 GB; see vz vm base list")
	}
	cached, err := cache.List()
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		for _, e := range cached {
			if e.Complete && e.URL == b.IPSW.URL {
				chosen = append(chosen, b)
			}
		}
	}
	if len(chosen) == 0 {
		return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "no base is in the cache; vz vm base verify --fetch BASE downloads one")
	}
	return chosen, nil
}
