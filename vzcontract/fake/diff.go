package fake

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"path"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/tree"
)

// Diff implements vzcontract.Differ.
func (b *Backend) Diff(ctx context.Context, ref string) (changes []vzcontract.Change, err error) {
	err = b.change(ctx, "diff", ref, func(c *container) error {
		changes = differences(c.Base.Nodes(), c.Root.Nodes())
		return nil
	})
	return changes, err
}

func differences(base, now map[string]tree.Node) []vzcontract.Change {
	found := map[string]vzcontract.ChangeKind{}
	parents := func(p string) {
		for p = path.Dir(p); p != "/"; p = path.Dir(p) {
			if _, ok := found[p]; !ok {
				found[p] = vzcontract.ChangeModified
			}
		}
	}
	for _, p := range slices.Sorted(maps.Keys(now)) {
		old, ok := base[p]
		switch {
		case p == "/":
		case !ok:
			parents(p)
			found[p] = vzcontract.ChangeAdded
		case !same(old, now[p]):
			parents(p)
			found[p] = vzcontract.ChangeModified
		}
	}
	for p := range base {
		_, there := now[p]
		_, parentThere := now[path.Dir(p)]
		if !there && parentThere {
			parents(p)
			found[p] = vzcontract.ChangeDeleted
		}
	}
	changes := make([]vzcontract.Change, 0, len(found))
	for _, p := range slices.Sorted(maps.Keys(found)) {
		changes = append(changes, vzcontract.Change{Kind: found[p], Path: p})
	}
	return changes
}

func same(a, b tree.Node) bool {
	return a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.Link == b.Link && bytes.Equal(a.Data, b.Data) &&
		(a.Mode&fs.ModeDir != 0 || a.ModTime.Equal(b.ModTime))
}

// Checkpoint implements vzcontract.Checkpointer; there are only files to keep.
func (b *Backend) Checkpoint(ctx context.Context, ref, name string, class vzcontract.CheckpointClass) error {
	return b.change(ctx, "checkpoint", ref, func(c *container) error {
		switch {
		case class == vzcontract.CheckpointFull:
			return failure("checkpoint", c, vzcontract.ErrUnsupported, "the fake backend cannot keep memory, only files (fs_quick)")
		case class != vzcontract.CheckpointFiles:
			return failure("checkpoint", c, vzcontract.ErrValidation, "unknown class %q", class)
		case !vzcontract.ValidName(name):
			return failure("checkpoint", c, vzcontract.ErrValidation, "invalid name %q", name)
		case c.Checkpoints[name] != nil:
			return failure("checkpoint", c, vzcontract.ErrConflict, "the checkpoint %s exists", name)
		}
		if c.Checkpoints == nil {
			c.Checkpoints = map[string]*store{}
		}
		c.Checkpoints[name] = &store{c.Root.Clone()}
		b.event("container", "checkpoint", c, map[string]string{"checkpoint": name})
		return nil
	})
}

func checkpointOf(op string, c *container, name string) (*store, error) {
	s := c.Checkpoints[name]
	if s == nil {
		return nil, failure(op, c, vzcontract.ErrNotFound, "no such checkpoint: %s", name)
	}
	return &store{s.Clone()}, nil
}

// Restore implements vzcontract.Checkpointer.
func (b *Backend) Restore(ctx context.Context, ref, name string) error {
	return b.change(ctx, "restore", ref, func(c *container) error {
		files, err := checkpointOf("restore", c, name)
		if err != nil {
			return err
		}
		if !c.down(b) {
			return failure("restore", c, vzcontract.ErrConflict, "the container is %s: stop it first", c.Info.State)
		}
		c.Root = files
		b.event("container", "restore", c, map[string]string{"checkpoint": name})
		return nil
	})
}

// Fork implements vzcontract.Checkpointer.
func (b *Backend) Fork(ctx context.Context, ref, name, newName string) (vzcontract.ContainerInfo, error) {
	var cfg vzcontract.RunConfig
	err := b.change(ctx, "fork", ref, func(c *container) error {
		cfg = c.Info.Config
		return nil
	})
	if err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	cfg.Name, cfg.Hostname = newName, ""
	return b.ForkAs(ctx, ref, name, cfg)
}

// ForkAs is Fork into a container that is made as cfg says.
func (b *Backend) ForkAs(ctx context.Context, ref, name string, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	var files *store
	err := b.change(ctx, "fork", ref, func(c *container) (err error) {
		files, err = checkpointOf("fork", c, name)
		return err
	})
	if err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	info, err := b.Create(ctx, cfg)
	if err != nil {
		return info, err
	}
	return info, b.change(ctx, "fork", info.ID, func(c *container) error {
		c.Root = files
		b.touch()
		return nil
	})
}
