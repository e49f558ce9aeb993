package layer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/overlay"
)

// A Source is where a container's files are.
type Source struct {
	// Dir is the upper directory of an overlay or, if Whole, a complete root
	// that was copied from the layers.
	Dir   string
	Whole bool
	// Layers are the image's, top layer first.
	Layers []string
}

// Diff returns the paths that differ from the image, sorted. As docker's diff
// it compares kind, mode, owner, extended attributes and, for all but directories,
// size and time of modification; a directory in which something changed is changed itself.
// Files that an overlay has copied are compared byte by byte before they count
// as the same. A directory that is gone stands for all that was in it.
func Diff(ctx context.Context, s Source) ([]vzcontract.Change, error) {
	upper, err := openDir(unix.AT_FDCWD, s.Dir)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil // never started
	}
	if err != nil {
		return nil, fmt.Errorf("compare with the image: %w", err)
	}
	defer upper.Close()
	lower := make([]*os.File, 0, len(s.Layers))
	defer func() { closeAll(lower) }()
	for _, dir := range s.Layers {
		f, err := openDir(unix.AT_FDCWD, dir)
		if err != nil {
			return nil, fmt.Errorf("compare with the image: %w", err)
		}
		lower = append(lower, f)
	}
	d := differ{ctx: ctx, whole: s.Whole}
	if _, err := d.dir(upper, lower, "/"); err != nil {
		return nil, fmt.Errorf("compare with the image: %w", err)
	}
	slices.SortFunc(d.changes, func(a, b vzcontract.Change) int { return strings.Compare(a.Path, b.Path) })
	return d.changes, nil
}

type differ struct {
	ctx     context.Context //nolint:containedctx // one call's
	whole   bool
	changes []vzcontract.Change
}

func (d *differ) note(kind vzcontract.ChangeKind, at string) {
	d.changes = append(d.changes, vzcontract.Change{Kind: kind, Path: at})
}

// dir compares what is in upper with what the directories lower, top first,
// have together, and reports whether anything differs.
func (d *differ) dir(upper *os.File, lower []*os.File, at string) (changed bool, err error) {
	if err := d.ctx.Err(); err != nil {
		return false, err
	}
	names, err := upper.Readdirnames(-1)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		c, err := d.entry(upper, lower, name, path.Join(at, name))
		if err != nil {
			return false, err
		}
		changed = changed || c
	}
	if !d.whole && !overlay.Opaque(int(upper.Fd())) {
		return changed, nil
	}
	// What is not here is gone.
	there, err := merged(lower)
	if err != nil {
		return false, err
	}
	for _, name := range there {
		if !slices.Contains(names, name) {
			d.note(vzcontract.ChangeDeleted, path.Join(at, name))
			changed = true
		}
	}
	return changed, nil
}

func (d *differ) entry(upper *os.File, lower []*os.File, name, at string) (changed bool, err error) {
	now, err := stat(upper, name)
	if err != nil {
		return false, err
	}
	old, below, err := lookup(lower, name)
	defer func() { closeAll(below) }()
	if err != nil {
		return false, err
	}
	switch {
	case overlay.Whiteout(&now):
		if old != nil {
			d.note(vzcontract.ChangeDeleted, at)
		}
		return old != nil, nil
	case old == nil:
		d.note(vzcontract.ChangeAdded, at)
		changed = true
	default:
		same, err := d.same(upper, name, &now, old)
		if err != nil {
			return false, err
		}
		if !same {
			d.note(vzcontract.ChangeModified, at)
			changed = true
		}
	}
	if now.Mode&unix.S_IFMT != unix.S_IFDIR {
		return changed, nil
	}
	sub, err := openDir(int(upper.Fd()), name)
	if err != nil {
		return false, err
	}
	defer sub.Close()
	inside, err := d.dir(sub, below, at)
	if inside && !changed {
		d.note(vzcontract.ChangeModified, at)
	}
	return changed || inside, err
}

// A lowerEntry is a file of the image.
type lowerEntry struct {
	unix.Stat_t
	dir  *os.File // of the layer, open
	name string
}

// lookup finds what the directories lower have together as name, nil for
// nothing. If that is a directory, those that make it up are below; the caller
// closes them.
func lookup(lower []*os.File, name string) (old *lowerEntry, below []*os.File, err error) {
	for _, dir := range lower {
		st, err := stat(dir, name)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENAMETOOLONG) {
			continue
		}
		if err != nil {
			return old, below, err
		}
		isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
		if overlay.Whiteout(&st) || old != nil && !isDir {
			break
		}
		if old == nil {
			old = &lowerEntry{st, dir, name}
		}
		if !isDir {
			break
		}
		f, err := openDir(int(dir.Fd()), name)
		if err != nil {
			return old, below, err
		}
		below = append(below, f)
		if overlay.Opaque(int(f.Fd())) {
			break
		}
	}
	return old, below, nil
}

// merged returns the names that the directories lower have together.
func merged(lower []*os.File) ([]string, error) {
	var names []string
	seen := map[string]bool{}
	for _, dir := range lower {
		f, err := openDir(int(dir.Fd()), ".")
		if err != nil {
			return nil, err
		}
		these, err := f.Readdirnames(-1)
		_ = f.Close() // only read from
		if err != nil {
			return nil, err
		}
		for _, name := range these {
			if seen[name] {
				continue
			}
			seen[name] = true
			st, err := stat(dir, name)
			if err != nil {
				return nil, err
			}
			if !overlay.Whiteout(&st) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

func stat(dir *os.File, name string) (st unix.Stat_t, err error) {
	if err = unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		err = &os.PathError{Op: "stat", Path: path.Join(dir.Name(), name), Err: err}
	}
	return st, err
}

func readlink(dir *os.File, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(dir.Fd()), name, buf)
	if err != nil {
		return "", &os.PathError{Op: "read link", Path: path.Join(dir.Name(), name), Err: err}
	}
	return string(buf[:n]), nil
}

func openDir(at int, name string) (*os.File, error) {
	fd, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // only read from
	}
}
