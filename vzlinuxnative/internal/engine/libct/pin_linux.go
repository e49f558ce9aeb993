package libct

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// descriptorSource is how a spec names a mount source that is open here.
const descriptorSource = "/proc/self/fd/"

// Pins are mounts of this process that stand for sources given as open
// descriptors: libcontainer's init, in a mount namespace of its own, can reach
// paths only.
type pins struct {
	dir  string
	n    int
	spec *specs.Spec // with paths in place of descriptors
}

// pinSources mounts the descriptors among the spec's sources below stateDir.
func pinSources(stateDir string, spec *specs.Spec) (*pins, error) {
	p := &pins{dir: filepath.Join(stateDir, "sources"), spec: spec}
	for i, m := range spec.Mounts {
		n, ok := strings.CutPrefix(m.Source, descriptorSource)
		if !ok {
			continue
		}
		fd, err := strconv.Atoi(n)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("mount source %s: %w", m.Source, err), p.release())
		}
		path, err := p.pin(fd)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("mount source of %s: %w", m.Destination, err), p.release())
		}
		if p.spec == spec {
			c := *spec
			c.Mounts = append([]specs.Mount(nil), spec.Mounts...)
			p.spec = &c
		}
		p.spec.Mounts[i].Source = path
	}
	return p, nil
}

// pin mounts what is open as fd and returns where.
func (p *pins) pin(fd int) (string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", err
	}
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(p.dir, strconv.Itoa(p.n))
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		if err := os.Mkdir(path, 0o700); err != nil {
			return "", err
		}
	} else if err := os.WriteFile(path, nil, 0o600); err != nil {
		return "", err
	}
	tree, err := unix.OpenTree(fd, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH|unix.AT_RECURSIVE)
	if err != nil {
		return "", err
	}
	defer unix.Close(tree)
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return "", err
	}
	p.n++
	return path, nil
}

// release ends the mounts; the container has copies of its own.
func (p *pins) release() error {
	if p.n == 0 {
		return nil
	}
	return unpin(filepath.Dir(p.dir))
}

// unpin removes the mounts below stateDir, also those that a process which
// died has left.
func unpin(stateDir string) error {
	dir := filepath.Join(stateDir, "sources")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove pinned mount sources: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("remove pinned mount source %s: %w", path, err)
		}
		// Not RemoveAll: a mount that is still there must not be emptied.
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("remove pinned mount source: %w", err)
		}
	}
	return os.Remove(dir)
}
