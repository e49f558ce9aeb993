package vm

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcli/internal/progress"
	"vz.internal/vzcli/internal/vmrecord"
	"vz.internal/vzcontract"
	"vz.internal/vzcore/macos/ipsw"
)

// restoreImages is the cache of restore images.
func restoreImages(r vmrecord.Registry) ipsw.Cache {
	return ipsw.Cache{Dir: filepath.Join(r.Home, "ipsw")}
}

// fetch brings a restore image into the cache and shows how far that is.
func fetch(env *command.Env, cache ipsw.Cache, req ipsw.Request) (ipsw.Entry, error) {
	display := progress.New(env, false)
	defer display.Close()
	req.Progress = func(p ipsw.Progress) {
		display.Update(vzcontract.PullProgress{Digest: req.Name(), Phase: p.Phase, Done: p.Done, Total: p.Total})
	}
	return cache.Fetch(env.Ctx, req)
}

type cacheList struct {
	Format string `placeholder:"FORMAT" help:"table, json or a Go template."`
	Quiet  bool   `short:"q" help:"Show names only."`
}

var cacheListing = output.Listing{Columns: []string{"Name", "Version", "Build", "Size", "Status", "Fetched"}, Quiet: "Name"}

// Run implements command.Verb.
func (c *cacheList) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	all, damaged := restoreImages(r).List()
	rows := []output.Row{}
	for _, e := range all {
		fetched := ""
		if !e.Fetched.IsZero() {
			fetched = output.Ago(time.Now(), e.Fetched)
		}
		rows = append(rows, output.Row{
			"Name": e.Name(), "Version": e.Version, "Build": e.Build, "Size": output.Size(e.Present), "Status": condition(e), "Fetched": fetched,
			"URL": e.URL, "SHA256": e.SHA256, "Path": e.Path,
		})
	}
	return errors.Join(cacheListing.Print(env.Stdout, env.Listing(c.Format, c.Quiet), rows), damaged)
}

// condition is what there is of an image.
func condition(e ipsw.Entry) string {
	status := "whole"
	switch {
	case e.Complete:
	case e.Size > 0:
		status = fmt.Sprintf("%d%% of %s", e.Present*100/e.Size, output.Size(e.Size))
	default:
		status = "damaged"
	}
	if e.Busy {
		status += ", in use"
	}
	return status
}

type cacheClean struct {
	Partial bool `help:"Remove only downloads that broke off."`
}

// Run implements command.Verb.
func (c *cacheClean) Run(env *command.Env) error {
	r, err := registry(env)
	if err != nil {
		return err
	}
	cache := restoreImages(r)
	gone, err := cache.Clean(c.Partial)
	freed := int64(0)
	for _, e := range gone {
		freed += e.Present
		fmt.Fprintln(env.Stdout, e.Name())
	}
	if env.Globals.Quiet {
		return err
	}
	left, _ := cache.List() // what is damaged and stays is in err
	for _, e := range left {
		if e.Busy {
			fmt.Fprintf(env.Stderr, "%s stays: it is fetched or used right now\n", e.Name())
		}
	}
	fmt.Fprintf(env.Stderr, "%s reclaimed\n", output.Size(freed))
	return err
}
