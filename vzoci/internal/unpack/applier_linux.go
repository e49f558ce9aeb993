package unpack

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const (
	readSize = 64 << 10
	copySize = 1 << 20
	// maxQuoted bounds a name in an error message.
	maxQuoted = 200
)

// applier is one run of Apply.
type applier struct {
	ctx    context.Context //nolint:containedctx // lives as long as the call
	limits Limits
	src    *source
	tar    *tar.Reader
	tree   *tree
	lowers *lowers
	uid    int // the caller's, which new files have
	gid    int
	buf    []byte
	// rootSeen: the archive has an entry for the root.
	rootSeen bool
	bytes    int64 // of contents, announced by headers
	result   Result
}

func apply(ctx context.Context, path string, r io.Reader, opts Options) (Result, error) {
	fd, err := openEmpty(path)
	if err != nil {
		return Result{}, err
	}
	src := &source{ctx: ctx, r: r}
	a := &applier{
		ctx: ctx, limits: opts.Limits, src: src, tar: tar.NewReader(bufio.NewReaderSize(src, readSize)),
		tree: newTree(fd), lowers: newLowers(opts.Lowers), uid: os.Geteuid(), gid: os.Getegid(), buf: make([]byte, copySize),
	}
	defer a.lowers.close()
	defer a.tree.close()
	if err := a.run(); err != nil {
		if rmErr := a.tree.empty(a.tree.root); rmErr != nil {
			err = errors.Join(err, fmt.Errorf("remove what was unpacked: %w", rmErr))
		}
		return Result{}, err
	}
	return a.result, nil
}

// openEmpty opens the directory to unpack into.
func openEmpty(path string) (fd int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return -1, err
	}
	defer f.Close()
	if names, err := f.Readdirnames(1); err != io.EOF {
		if err != nil {
			return -1, err
		}
		return -1, fmt.Errorf("unpack into %s: not empty, it has %s", path, names[0])
	}
	return unix.Open(path, openDir, 0)
}

func (a *applier) run() error {
	if err := a.startRoot(); err != nil {
		return err
	}
	last := "the start"
	for {
		h, err := a.tar.Next()
		if err == io.EOF {
			return a.finish()
		}
		if err != nil {
			if err = a.src.explain(err); a.src.err != nil {
				return err
			}
			return fmt.Errorf("layer archive after %s: %w", last, err)
		}
		if a.result.Entries++; a.result.Entries > a.limits.Entries {
			return invalid("the layer has more than %d entries", a.limits.Entries)
		}
		if err := a.entry(h); err != nil {
			if a.src.err != nil {
				return a.src.err
			}
			return fmt.Errorf("layer entry %s: %w", quote(h.Name), err)
		}
		last = quote(h.Name)
	}
}

// quote shortens a name for an error message.
func quote(name string) string {
	if len(name) > maxQuoted {
		return fmt.Sprintf("%q…", name[:maxQuoted])
	}
	return fmt.Sprintf("%q", name)
}

// entry applies one entry of the archive.
func (a *applier) entry(h *tar.Header) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name := clean(h.Name)
	parent, base, k, err := classify(name, a.limits.Name)
	if err != nil || k == ignored {
		return err
	}
	if name == "" {
		return a.rootEntry(h)
	}
	if k != ordinary {
		return a.whiteout(parent, base)
	}
	d, err := a.resolve(parent)
	if err != nil {
		return err
	}
	return a.create(d, base, h)
}

func (a *applier) rootEntry(h *tar.Header) error {
	if h.Typeflag != tar.TypeDir {
		return invalid("the root can only be a directory")
	}
	m, err := a.metaOf(h)
	a.tree.root.meta, a.rootSeen = m, true
	return err
}

func (a *applier) leaveOut(format string, args ...any) {
	if len(a.result.LeftOut) < maxLeftOut {
		a.result.LeftOut = append(a.result.LeftOut, fmt.Sprintf(format, args...))
	}
}
