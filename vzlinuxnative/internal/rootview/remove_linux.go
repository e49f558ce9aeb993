package rootview

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

const (
	// maxOpen is how many directories a removal has open: a container may have
	// nested more than there are descriptors.
	maxOpen = 256
	// maxAgain is how often a removal begins a directory anew, since something was
	// added to it meanwhile.
	maxAgain = 10_000
	// batch is how many names are read at once.
	batch = 1024
)

// Remove removes name, and all below it if it is a directory. Mounts are not entered:
// one that is met is ErrConflict. What a container adds meanwhile goes too, also what
// it moves there of its own.
func Remove(ctx context.Context, root *os.File, name string) error {
	e, err := openEntry(root, name)
	if err != nil {
		return err
	}
	defer unix.Close(e.dir)
	if e.mode == 0 {
		return classify(name, unix.ENOENT)
	}
	r := remover{ctx: ctx, top: e.dir}
	defer r.close()
	if err := r.remove(e.name); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return classify(r.at(name), err)
	}
	return nil
}

// A remover walks a tree by descriptors, never by a way up: the container might have
// moved a directory elsewhere.
type remover struct {
	ctx    context.Context //nolint:containedctx // one call's
	top    int             // the directory that the tree is in
	levels []*level        // the directories entered; the last maxOpen are open
	failed string          // the entry of the last one that could not be removed
	again  int
	done   bool
}

// A level is a directory that is being emptied. file is nil if others needed its
// descriptor.
type level struct {
	name string
	file *os.File
	left []string // of the names that were read
}

func (r *remover) close() {
	for _, l := range r.levels {
		l.close()
	}
}

func (l *level) close() {
	if l.file != nil {
		l.file.Close()
	}
	l.file, l.left = nil, nil
}

// at is where in the tree called name the removal is, for people.
func (r *remover) at(name string) string {
	parts := []string{strings.TrimRight(name, "/")}
	for i, l := range r.levels {
		switch {
		case i == 0:
		case i == 8:
			parts = append(parts, "...")
		case i < 8 || i == len(r.levels)-1:
			parts = append(parts, l.name)
		}
	}
	if len(r.levels) > 0 && r.failed != "" {
		parts = append(parts, r.failed)
	}
	return strings.Join(parts, "/")
}

var (
	errKeepsWriting = vzcontract.Errorf(vzcontract.ErrConflict, "the container adds files as fast as they go; stop or pause it")
	errMounted      = vzcontract.Errorf(vzcontract.ErrConflict, "something is mounted there: remove what is beside it")
)

// remove removes the entry called base of top.
func (r *remover) remove(base string) error {
	for !r.done {
		gone, err := unlink(r.top, base)
		if gone || err != nil {
			return err
		}
		if err := r.enter(base); err != nil {
			return err
		}
		for len(r.levels) > 0 {
			if err := r.ctx.Err(); err != nil {
				return err
			}
			if err := r.step(); err != nil {
				return err
			}
		}
	}
	return nil
}

// step empties the last level as far as a directory that is not empty, which it
// enters, or to the end, where it leaves it.
func (r *remover) step() error {
	l := r.levels[len(r.levels)-1]
	if l.file == nil {
		return r.reopen()
	}
	for {
		for len(l.left) > 0 {
			name := l.left[0]
			l.left = l.left[1:]
			gone, err := unlink(int(l.file.Fd()), name)
			if err == nil && !gone {
				return r.enter(name)
			}
			if err != nil {
				r.failed = name
				return err
			}
		}
		var err error
		if l.left, err = l.file.Readdirnames(batch); errors.Is(err, io.EOF) {
			return r.leave()
		}
		if err != nil {
			return err
		}
		if err := r.ctx.Err(); err != nil {
			return err
		}
	}
}

// enter opens the directory called name of the last level. One that has gone, or is
// none any more, is left to the next look at that level.
func (r *remover) enter(name string) error {
	f, err := openBelow(r.parent(len(r.levels)), name)
	switch {
	case vanished(err):
		return r.lookAgain()
	case err != nil:
		r.failed = name
		return err
	}
	r.levels = append(r.levels, &level{name: name, file: f})
	if n := len(r.levels) - 1 - maxOpen; n >= 0 {
		r.levels[n].close()
	}
	return nil
}

// parent is the descriptor of the directory that the i-th level is in.
func (r *remover) parent(i int) int {
	if i == 0 {
		return r.top
	}
	return int(r.levels[i-1].file.Fd())
}

// leave removes the last level, which was empty.
func (r *remover) leave() error {
	last := len(r.levels) - 1
	l := r.levels[last]
	if last > 0 && r.levels[last-1].file == nil {
		l.close()
		r.levels = r.levels[:last]
		return nil // the level above finds it empty
	}
	gone, err := unlink(r.parent(last), l.name)
	if err == nil && !gone {
		return r.lookAgain()
	}
	l.close()
	r.levels = r.levels[:last]
	r.done = gone && last == 0
	if err != nil {
		r.failed = l.name
	}
	return err
}

// lookAgain has the last level read from its beginning; without one there is nothing
// to be done.
func (r *remover) lookAgain() error {
	if r.again++; r.again > maxAgain {
		r.failed = ""
		return errKeepsWriting
	}
	if len(r.levels) == 0 {
		return nil
	}
	_, err := r.levels[len(r.levels)-1].file.Seek(0, io.SeekStart)
	return err
}

// reopen opens the last levels anew, by their names from the top. Those that have gone
// are forgotten.
func (r *remover) reopen() error {
	for i, l := range r.levels {
		l.close()
		f, err := openBelow(r.parent(i), l.name)
		if vanished(err) {
			r.levels = r.levels[:i]
			if i > 0 {
				return r.lookAgain()
			}
			return nil
		}
		if err != nil {
			r.levels = r.levels[:i]
			r.failed = l.name
			return err
		}
		l.file = f
		if n := i - maxOpen; n >= 0 {
			r.levels[n].close()
		}
	}
	return nil
}

// unlink removes a file or an empty directory. One that has gone is gone too; a
// directory that is not empty is not, and no error.
func unlink(dir int, name string) (gone bool, err error) {
	for range 100 { // of a container that exchanges files and directories
		err = unix.Unlinkat(dir, name, 0)
		if errors.Is(err, unix.EISDIR) {
			err = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
		}
		switch {
		case err == nil, errors.Is(err, unix.ENOENT):
			return true, nil
		case errors.Is(err, unix.ENOTEMPTY), errors.Is(err, unix.EEXIST):
			return false, nil
		case errors.Is(err, unix.EBUSY):
			return false, errMounted
		case !errors.Is(err, unix.ENOTDIR):
			return false, err
		}
	}
	return false, err
}

// openBelow opens a directory for reading, unless it is a link or a mount.
func openBelow(dir int, name string) (*os.File, error) {
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS,
	}
	for {
		fd, err := unix.Openat2(dir, name, &how)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), name), nil
		case errors.Is(err, unix.EXDEV):
			return nil, errMounted
		case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR):
			return nil, err
		}
	}
}

func vanished(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP)
}
