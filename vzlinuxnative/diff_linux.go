package vzlinuxnative

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/layer"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/rootfs"
)

var _ vzcontract.Differ = (*Backend)(nil)

// filesOf says where a container's own files are.
func (b *Backend) filesOf(c *container) layer.Source {
	s := layer.Source{Dir: filepath.Join(b.store.Dir(c.cfg.ID), "upper"), Layers: c.cfg.Layers}
	if c.st.RootfsDriver == rootfs.DriverCopy {
		s.Dir, s.Whole = filepath.Join(b.store.Dir(c.cfg.ID), "merged"), true
	}
	return s
}

// Diff implements vzcontract.Differ. Places that were made for mounts are left
// out.
func (b *Backend) Diff(ctx context.Context, ref string) (changes []vzcontract.Change, err error) {
	err = b.settled(ctx, "diff", ref, func(c *container) error {
		changes, err = layer.Diff(ctx, b.filesOf(c))
		changes = withoutMountPoints(changes, mountPoints(c))
		return err
	})
	return changes, err
}

// mountPoints are where mounts are made in a root.
func mountPoints(c *container) []string {
	points := record.OwnMounts()
	for _, m := range record.Mounts(c.cfg, c.st) {
		points = append(points, m.Target)
	}
	return points
}

// withoutMountPoints leaves out added mount points, and directories above them
// in which nothing else changed.
func withoutMountPoints(changes []vzcontract.Change, points []string) []vzcontract.Change {
	var above []string
	kept := slices.DeleteFunc(changes, func(c vzcontract.Change) bool {
		if c.Kind != vzcontract.ChangeAdded || !slices.Contains(points, c.Path) {
			return false
		}
		for dir := path.Dir(c.Path); dir != "/"; dir = path.Dir(dir) {
			above = append(above, dir)
		}
		return true
	})
	slices.SortFunc(above, func(a, b string) int { return len(b) - len(a) })
	for _, dir := range slices.Compact(above) {
		within := func(c vzcontract.Change) bool { return strings.HasPrefix(c.Path, dir+"/") }
		if !slices.ContainsFunc(kept, within) {
			kept = slices.DeleteFunc(kept, func(c vzcontract.Change) bool { return c.Path == dir && c.Kind != vzcontract.ChangeDeleted })
		}
	}
	return kept
}
