package vm

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/docker/go-units"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/vmrecord"
	"vz.internal/vzcore/macos"
	"vz.internal/vzcore/macos/base"
	"vz.internal/vzcore/macos/ipsw"
)

// latest is the base that Apple names.
const latest = "latest"

// install makes a macOS guest from what spec begins with. It appears when macOS is
// installed, or not at all.
func (c *initCmd) install(env *command.Env, r vmrecord.Registry, f macos.Framework, spec macos.Spec) (err error) {
	machine, err := c.config()
	if err != nil {
		return err
	}
	size, err := units.RAMInBytes(c.DiskSize)
	if err != nil || size <= 0 {
		return command.Usagef("--disk-size %s: want a size such as 64g", c.DiskSize)
	}
	draft, err := r.Draft(c.Name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.Close()) }()
	spec.Dir, spec.Machine, spec.DiskSize = draft.Dir, machine, uint64(size)
	if err := spec.Check(); err != nil {
		return err
	}
	image, err := c.image(env, r, f)
	if err != nil {
		return err
	}
	defer image.Close()
	spec.Image, spec.Progress = image.path, installation(env)
	g, err := macos.Create(env.Ctx, f, spec)
	if err != nil {
		return err
	}
	err = draft.Commit(vmrecord.Record{
		Name: c.Name, Created: time.Now().UTC(), Arch: "arm64", Config: g.At(r.Dir(c.Name)),
		MacOS: &vmrecord.MacOS{Version: g.Image.Version, Build: g.Image.Build},
	})
	if err != nil {
		return err
	}
	if !env.Globals.Quiet {
		fmt.Fprintf(env.Stderr, "macOS %s is installed; sudo vz vm provision %s gives it a user and vz's agent, vz vm run %s starts it\n", g.Image.Version, c.Name, c.Name)
	}
	return command.PrintLine(env, c.Name)
}

// An image is a restore image that stays until it is closed.
type image struct {
	path string
	io.Closer
}

// image finds the restore image: a file, or one that is in the cache or comes there.
func (c *initCmd) image(env *command.Env, r vmrecord.Registry, f macos.Framework) (image, error) {
	if c.IPSW != "" {
		return image{c.IPSW, io.NopCloser(nil)}, nil
	}
	policy, cache := base.PolicyOf(os.Getenv, c.AllowUnpinned), restoreImages(r)
	var e ipsw.Entry
	if c.Base == latest {
		if err := policy.Unpinned("what Apple offers as its " + latest); err != nil {
			return image{}, err
		}
		url, err := f.Latest(env.Ctx)
		if err != nil {
			return image{}, err
		}
		if e, err = fetch(env, cache, ipsw.Request{URL: url}); err != nil {
			return image{}, err
		}
	} else {
		name := c.Base
		if name == "" {
			name = base.Stable
		}
		all, err := bases(c.Bases)
		if err != nil {
			return image{}, err
		}
		b, err := base.Find(all, name)
		if err != nil {
			return image{}, err
		}
		if e, err = fetchBase(env, cache, b, policy); err != nil {
			return image{}, err
		}
	}
	hold, err := cache.Hold(env.Ctx, e)
	return image{e.Path, hold}, err
}

// installation shows how far an installation is, a line for each tenth.
func installation(env *command.Env) func(float64) {
	if env.Globals.Quiet || env.Globals.JSON || env.Globals.Progress == "quiet" {
		return nil
	}
	next := 0
	return func(p float64) {
		for ; int(p*100) >= next; next += 10 {
			fmt.Fprintf(env.Stderr, "installing macOS: %d%%\n", next)
		}
	}
}
