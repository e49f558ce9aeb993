package rootfs

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/overlay"
)

// A layout is what an overlay is made of. Without upper it is read-only.
type layout struct {
	lower       []string
	upper, work string
	volatile    bool
}

func (o Options) layout() layout {
	if o.ReadOnly {
		return layout{lower: append([]string{o.upper()}, o.Layers...)}
	}
	return layout{lower: o.Layers, upper: o.upper(), work: o.work(), volatile: o.Volatile}
}

// settings are the options besides the directories.
//
// index and metacopy are off, and redirects are neither made nor followed, so
// that the upper directory alone tells what changed: every changed file is in
// it with all its bytes, every directory under its own name. Then diff and
// commit need no help of the kernel, a layer that was moved or unpacked anew
// still fits, and no attribute of a hostile image can point elsewhere.
func (l layout) settings() [][2]string {
	s := [][2]string{{"index", "off"}}
	if overlay.UserXattrs() {
		s = append(s, [2]string{"userxattr", ""}) // implies the others
	} else {
		s = append(s, [2]string{"metacopy", "off"}, [2]string{"redirect_dir", "nofollow"})
	}
	if l.volatile && l.upper != "" {
		s = append(s, [2]string{"volatile", ""})
	}
	return s
}

// errOldKernel: fsconfig does not take layers one by one (Linux before 6.7).
var errOldKernel = errors.New("the kernel takes overlay layers in one string only")

// oldKernel makes tests go the way of older kernels.
var oldKernel bool

func attachOverlay(o Options) error {
	l := o.layout()
	err := l.attach(o.merged())
	if l.volatile && errors.Is(err, unix.EINVAL) {
		l.volatile = false
		err = l.attach(o.merged())
	}
	return err
}

func (l layout) attach(target string) error {
	fd, err := newOverlay(l)
	if errors.Is(err, errOldKernel) {
		return mountOverlayString(l, target)
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.MoveMount(fd, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount overlay: %w", &os.PathError{Op: "attach", Path: target, Err: err})
	}
	return nil
}

func detachedOverlay(l layout) (*os.File, error) {
	fd, err := newOverlay(l)
	if errors.Is(err, errOldKernel) {
		return openOverlayString(l)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "overlay"), nil
}

// newOverlay returns an overlay that is mounted nowhere.
func newOverlay(l layout) (int, error) {
	if oldKernel {
		return -1, errOldKernel
	}
	ctx, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("mount overlay: %w", err)
	}
	defer unix.Close(ctx)
	var short shortener
	defer short.close()
	set := func(key, value string) {
		if err != nil {
			return
		}
		if value == "" {
			err = unix.FsconfigSetFlag(ctx, key)
		} else {
			err = unix.FsconfigSetString(ctx, key, value)
		}
		if err != nil {
			err = fmt.Errorf("mount overlay: set %s %s: %w%s", key, value, err, messages(ctx))
		}
	}
	for _, dir := range l.lower {
		set("lowerdir+", short.path(dir))
		if errors.Is(err, unix.EINVAL) && isDir(dir) {
			return -1, errOldKernel
		}
	}
	if l.upper != "" {
		set("upperdir", short.path(l.upper))
		set("workdir", short.path(l.work))
	}
	for _, s := range l.settings() {
		set(s[0], s[1])
	}
	set("source", "overlay")
	if err := errors.Join(err, short.err); err != nil {
		return -1, err
	}
	if err := unix.FsconfigCreate(ctx); err != nil {
		return -1, fmt.Errorf("mount overlay on %s: %w%s", l.upper, err, messages(ctx))
	}
	fd, err := unix.Fsmount(ctx, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("mount overlay: %w", err)
	}
	return fd, nil
}

// messages returns what the kernel has to say about a failed mount.
func messages(ctx int) string {
	var all strings.Builder
	buf := make([]byte, 1024)
	for {
		n, err := unix.Read(ctx, buf)
		if err != nil || n == 0 {
			return all.String()
		}
		// "e overlay: text"
		if text := strings.TrimSpace(string(buf[:n])); len(text) > 2 {
			fmt.Fprintf(&all, " (%s)", text[2:])
		}
	}
}

func isDir(dir string) bool {
	st, err := os.Stat(dir)
	return err == nil && st.IsDir()
}

// overlayImpossible tells whether err says that no overlay can be made of
// these directories here, rather than that something went wrong. Kernels before 5.11 let no
// user namespace have one.
func overlayImpossible(err error) bool {
	if overlay.UserXattrs() && errors.Is(err, unix.EPERM) {
		return true
	}
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EOPNOTSUPP)
}

// A shortener names directories whose own names the kernel would not take: it
// wants at most 255 bytes and gives backslashes, colons and commas a meaning.
type shortener struct {
	fds []int
	err error
}

func (s *shortener) path(dir string) string {
	if len(dir) < 256 && !strings.ContainsAny(dir, `\:,`) {
		return dir
	}
	return s.opened(dir)
}

func (s *shortener) opened(dir string) string {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		s.err = errors.Join(s.err, &os.PathError{Op: "open layer", Path: dir, Err: err})
		return dir
	}
	s.fds = append(s.fds, fd)
	return fmt.Sprintf("/proc/self/fd/%d", fd)
}

func (s *shortener) close() {
	for _, fd := range s.fds {
		_ = unix.Close(fd) // only a name
	}
}
