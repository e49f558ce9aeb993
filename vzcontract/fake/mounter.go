package fake

import (
	"context"
	"errors"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/tree"
)

// ownMounts are the places at which every container has a mount.
var ownMounts = []string{"/proc", "/dev", "/sys", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf"}

// AddMount implements vzcontract.Mounter.
func (b *Backend) AddMount(ctx context.Context, ref string, m vzcontract.Mount) error {
	return b.change(ctx, "mount", ref, func(c *container) error {
		m.Target = path.Clean(m.Target)
		if err := b.checkAdded(c, m); err != nil {
			return failure("mount", c, classOf(err), "%w", err)
		}
		info, err := b.prepareMount(c, m)
		if err == nil {
			err = b.mountNow(c, info)
		}
		if err != nil {
			return failure("mount", c, classOf(err), "%w", err)
		}
		c.Info.Config.Mounts = append(slices.Clip(c.Info.Config.Mounts), m)
		c.Info.Mounts = append(slices.Clip(c.Info.Mounts), info)
		c.Added = append(c.Added, m.Target)
		b.event("container", "mount", c, map[string]string{"source": m.Source, "destination": m.Target})
		return nil
	})
}

// checkAdded refuses what cannot be added to a container.
func (b *Backend) checkAdded(c *container, m vzcontract.Mount) error {
	if err := m.Validate(); err != nil {
		return err
	}
	if m.Type != vzcontract.MountBind {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "a %s cannot be added to a container: create it with that", m.Type)
	}
	if _, err := os.Stat(m.Source); err != nil && !m.CreateSource {
		return missingSource(m)
	}
	if err := b.here(c); err != nil {
		return err
	}
	taken := slices.Clone(ownMounts)
	for _, other := range c.Info.Mounts {
		taken = append(taken, other.Target)
	}
	return free(taken, m.Target)
}

func missingSource(m vzcontract.Mount) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, "bind source %s does not exist: make it, or use -v, which does", m.Source)
}

// here refuses a container that another process runs.
func (b *Backend) here(c *container) error {
	if b.runs[c.Info.ID] == nil && b.alive(c) {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "another process runs the container")
	}
	return nil
}

// free refuses a place that is taken, or above one that is.
func free(taken []string, target string) error {
	for _, other := range taken {
		switch {
		case other == target:
			return vzcontract.Errorf(vzcontract.ErrConflict, "mount %s: something is mounted there already", target)
		case strings.HasPrefix(other, target+"/"):
			return vzcontract.Errorf(vzcontract.ErrConflict, "mount %s: it would hide the mount at %s", target, other)
		}
	}
	return nil
}

// mountNow mounts a bind in a container that runs.
func (b *Backend) mountNow(c *container, info vzcontract.MountInfo) error {
	r := b.runs[c.Info.ID]
	if r == nil {
		return nil
	}
	host, err := tree.OpenHost(info.Source)
	if err != nil {
		return vzcontract.Errorf(vzcontract.ErrValidation, "bind %s: %w", info.Source, err)
	}
	r.closers = append(r.closers, host.Close)
	at, err := place(r.kernel.FS, host, info.Target)
	if err != nil {
		return err
	}
	r.kernel.FS.Add(tree.Mount{Target: at, FS: host, ReadOnly: info.ReadOnly, Kind: "bind"})
	r.added = append(r.added, liveMount{target: info.Target, at: at})
	return nil
}

// place resolves the target of a mount, and makes it where it is missing.
func place(view *tree.View, host *tree.Host, target string) (string, error) {
	source, err := host.Node("/")
	if err != nil {
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "mount %s: %w", target, err)
	}
	if _, err := view.Stat(target); err != nil {
		if source.Mode.IsDir() {
			err = view.MkdirAll(target, 0o755)
		} else if err = view.MkdirAll(path.Dir(target), 0o755); err == nil {
			err = view.Put(target, tree.Node{Mode: 0o644})
		}
		switch {
		case errors.Is(err, syscall.EROFS):
			return "", vzcontract.Errorf(vzcontract.ErrConflict, "mount %s: it is not there and cannot be made: %w", target, err)
		case err != nil:
			return "", vzcontract.Errorf(vzcontract.ErrValidation, "mount %s: it leads to no place for it: %w", target, err)
		}
	}
	at, err := view.Resolve(target, tree.FollowLast)
	if err != nil {
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "mount %s: it leads to no place for it: %w", target, err)
	}
	taken := []string{"/"}
	for _, m := range view.Mounts()[1:] {
		taken = append(taken, m.Target)
	}
	if err := free(taken, at); err != nil {
		return "", err
	}
	switch there, err := view.Stat(at); {
	case err != nil:
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "mount %s: it leads to no place for it: %w", target, err)
	case strings.HasPrefix(at, "/proc/"):
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "mount %s: it leads into the container's /proc", target)
	case there.Mode.IsDir() != source.Mode.IsDir():
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "mount %s: a directory goes on a directory, a file on a file", target)
	}
	return at, nil
}

// A liveMount is one that a run was given.
type liveMount struct{ target, at string }

// RemoveMount implements vzcontract.Mounter.
func (b *Backend) RemoveMount(ctx context.Context, ref, target string) error {
	return b.change(ctx, "unmount", ref, func(c *container) error {
		target = path.Clean(target)
		is := func(m vzcontract.MountInfo) bool { return m.Target == target }
		if !slices.Contains(c.Added, target) {
			if slices.ContainsFunc(c.Info.Mounts, is) {
				return failure("unmount", c, vzcontract.ErrConflict, "the container was created with the mount at %s: it stays as long as the container", target)
			}
			return failure("unmount", c, vzcontract.ErrNotFound, "nothing was mounted at %s since the container was created", target)
		}
		if err := b.here(c); err != nil {
			return failure("unmount", c, classOf(err), "%w", err)
		}
		if r := b.runs[c.Info.ID]; r != nil {
			at := target // where the start has put it
			for _, m := range r.added {
				if m.target == target {
					at = m.at
				}
			}
			if r.kernel.Uses(at) {
				return failure("unmount", c, vzcontract.ErrConflict, "unmount %s: a program of the container uses it: end it, or have it leave", target)
			}
			r.kernel.FS.Take(at)
			r.added = slices.DeleteFunc(r.added, func(m liveMount) bool { return m.target == target })
		}
		c.Info.Mounts = slices.DeleteFunc(slices.Clone(c.Info.Mounts), is)
		c.Info.Config.Mounts = slices.DeleteFunc(slices.Clone(c.Info.Config.Mounts), func(m vzcontract.Mount) bool { return path.Clean(m.Target) == target })
		c.Added = slices.DeleteFunc(c.Added, func(s string) bool { return s == target })
		b.event("container", "unmount", c, map[string]string{"destination": target})
		return nil
	})
}

// given returns what the config says of a mount, for what its info leaves out.
func given(cfg vzcontract.RunConfig, target string) vzcontract.Mount {
	for _, m := range cfg.Mounts {
		if path.Clean(m.Target) == target {
			return m
		}
	}
	return vzcontract.Mount{}
}
