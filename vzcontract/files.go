package vzcontract

import (
	"context"
	"path"
	"strconv"
	"strings"
)

// A FileManager looks at and changes single files of a container, whether it runs or
// not; a [Copier] describes one ([Copier.StatPath]), reads and writes them.
//
// Paths are absolute, of any bytes but NUL; others are ErrValidation. They are resolved
// inside the container's root: "/.." is "/", and links, also absolute ones, lead nowhere
// else. In a container that does not run, what lies below the target of a volume or bind
// is in that; only a link does not lead into one.
//
// A container may change its files at the same time. It can spoil what is done to them,
// and choose which of its own files it is done to, but never lead it out of its root. What
// is missing is ErrNotFound; a component that is no directory, a loop of links and a name
// that is too long are ErrValidation.
type FileManager interface {
	// ListDir describes what is in a directory, sorted by the bytes of the names. A
	// link at the end of path is followed, links in the directory are not: they have
	// a LinkTarget, unless the kernel keeps it to itself as in /proc. What is no
	// directory is ErrValidation. One with more than [MaxDirEntries] entries is
	// ErrUnsupported; CopyOut streams it.
	ListDir(ctx context.Context, container, path string) ([]PathStat, error)
	// MakeDir makes a directory. It and those above it that are missing belong to the
	// container's root, as what CopyIn makes; it has the mode, which are the bits of
	// chmod up to 07777 whatever the umask, the others have 0755. A directory that is
	// there, also behind a link, stays as it is and is no error; anything else is
	// ErrValidation.
	MakeDir(ctx context.Context, container, path string, mode uint32) error
	// RemovePath removes a file, or a directory with all that is below it. A link is
	// removed itself; with a slash after it, it is no directory and ErrValidation, as
	// is a path that ends in "." or "..". The root directory, what something is mounted
	// on and directories that hold such are ErrConflict. Other mounts, which the container
	// has made itself, are never entered: at the first of them the removal ends with
	// ErrConflict, as it does if the container writes faster than the files go. Then and
	// at the end of ctx a part of them has gone.
	RemovePath(ctx context.Context, container, path string) error
	// MovePath gives a file or directory another name in one step, as rename(2): it
	// keeps owner, mode and time, and takes the place of a file, a link or an empty
	// directory at to. Links at the ends of both paths are taken themselves. A directory
	// that is not empty at to, mounts and what holds them are ErrConflict; a directory
	// over a file, a file over a directory, a directory into itself, and paths that end in
	// "." or ".." ErrValidation. What one step cannot do is ErrUnsupported and changes
	// nothing: to another file system, as from the root to a volume, and, on Linux with
	// overlayfs, a directory that is the image's. CopyOut, CopyIn and RemovePath do it in
	// several.
	MovePath(ctx context.Context, container, from, to string) error
}

// MaxDirEntries is how many entries FileManager.ListDir returns at most.
const MaxDirEntries = 100_000

// What Linux takes: bytes of a path with the NUL at its end, and of a name in it.
const maxPath, maxName = 4096, 255

// CheckFilePath returns an error matching ErrValidation unless p is a path that
// a [FileManager] takes.
func CheckFilePath(p string) error {
	if !path.IsAbs(p) || strings.ContainsRune(p, 0) {
		return Errorf(ErrValidation, "%s is no absolute path", ShownPath(p))
	}
	for name := range strings.SplitSeq(p, "/") {
		if len(p) >= maxPath || len(name) > maxName {
			return Errorf(ErrValidation, "%s: file name too long", ShownPath(p))
		}
	}
	return nil
}

// CheckEntryPath is CheckFilePath for what is to be removed or moved: p must also end
// in a name. The root directory is ErrConflict.
func CheckEntryPath(p string) error {
	if err := CheckFilePath(p); err != nil {
		return err
	}
	trimmed := strings.TrimRight(p, "/")
	switch base := path.Base(trimmed); {
	case trimmed == "":
		return Errorf(ErrConflict, "/ is the container's root: name what is in it")
	case base == "." || base == "..":
		return Errorf(ErrValidation, "%s ends in %q: give the directory's name", ShownPath(p), base)
	}
	return nil
}

// ShownPath is p as an error tells it: quoted if it is empty or has what would spoil a
// line of text, and without its middle if it is long.
func ShownPath(p string) string {
	if len(p) > 2*maxName {
		p = p[:maxName] + "..." + p[len(p)-maxName:]
	}
	if q := strconv.Quote(p); p == "" || len(q) != len(p)+2 {
		return q
	}
	return p
}
