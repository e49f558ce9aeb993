package direct

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/cgroups/devices/config"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/userns"
)

// devLinks are the links of every /dev.
var devLinks = [][2]string{
	{"/proc/self/fd", "fd"},
	{"/proc/self/fd/0", "stdin"},
	{"/proc/self/fd/1", "stdout"},
	{"/proc/self/fd/2", "stderr"},
	{"pts/ptmx", "ptmx"},
}

// newDev returns a detached tmpfs for /dev with its nodes and links made. In a user
// namespace no nodes can be made: see addNodes.
func newDev(m specs.Mount, o mountOptions, nodes []*config.Device) (tree, error) {
	if userns.Inside() {
		nodes = nil
	}
	fd, err := newTmpfs(o)
	if err != nil {
		return tree{}, fmt.Errorf("mount tmpfs on %s: %w", m.Destination, err)
	}
	t := tree{file: os.NewFile(uintptr(fd), "/dev"), dir: true}
	if err := errors.Join(t.mknods(nodes), t.symlinks()); err != nil {
		t.file.Close()
		return tree{}, err
	}
	return t, nil
}

func newTmpfs(o mountOptions) (int, error) {
	ctx, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer unix.Close(ctx)
	for _, kv := range o.data {
		if err := unix.FsconfigSetString(ctx, kv[0], kv[1]); err != nil {
			return -1, fmt.Errorf("option %s=%s: %w", kv[0], kv[1], err)
		}
	}
	if err := unix.FsconfigCreate(ctx); err != nil {
		return -1, err
	}
	return unix.Fsmount(ctx, unix.FSMOUNT_CLOEXEC, int(o.set))
}

func (t tree) mknods(nodes []*config.Device) error {
	dir := int(t.file.Fd())
	for _, n := range nodes {
		name, ok := strings.CutPrefix(filepath.Clean(n.Path), "/dev/")
		if !ok || name == "ptmx" {
			continue
		}
		if err := mkdirs(dir, filepath.Dir(name)); err != nil {
			return fmt.Errorf("make device %s: %w", n.Path, err)
		}
		if err := unix.Mknodat(dir, name, nodeType(n.Type)|0o600, int(unix.Mkdev(uint32(n.Major), uint32(n.Minor)))); err != nil {
			return fmt.Errorf("make device %s: %w", n.Path, err)
		}
		if err := unix.Fchmodat(dir, name, uint32(n.FileMode.Perm()), 0); err != nil {
			return fmt.Errorf("make device %s: %w", n.Path, err)
		}
		if n.Uid|n.Gid != 0 {
			if err := unix.Fchownat(dir, name, int(n.Uid), int(n.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
				return fmt.Errorf("make device %s: %w", n.Path, err)
			}
		}
	}
	return nil
}

func nodeType(t config.Type) uint32 {
	switch t {
	case config.BlockDevice:
		return unix.S_IFBLK
	case config.FifoDevice:
		return unix.S_IFIFO
	}
	return unix.S_IFCHR
}

// mkdirs makes the directories of a path in a tmpfs that nobody else sees.
func mkdirs(dir int, path string) error {
	if path == "." {
		return nil
	}
	if err := mkdirs(dir, filepath.Dir(path)); err != nil {
		return err
	}
	if err := unix.Mkdirat(dir, path, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}

func (t tree) symlinks() error {
	for _, l := range devLinks {
		if err := unix.Symlinkat(l[0], int(t.file.Fd()), l[1]); err != nil {
			return fmt.Errorf("make /dev/%s: %w", l[1], err)
		}
	}
	return nil
}

// addNodes puts the host's nodes in the places of those that cannot be made.
func (p *initPlan) addNodes(nodes []*config.Device) error {
	if !userns.Inside() {
		return nil
	}
	for _, n := range nodes {
		if filepath.Clean(n.Path) == "/dev/ptmx" {
			continue
		}
		source, err := hostNode(n)
		if err != nil {
			return fmt.Errorf("make device %s: %w", n.Path, err)
		}
		m := specs.Mount{Source: source, Destination: n.Path, Type: "bind"}
		t, err := cloneTree(m, mountOptions{bind: true, set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC})
		if err != nil {
			return err
		}
		p.trees = append(p.trees, t)
		p.add(opAttach, fmt.Sprintf("mount %s on %s", source, n.Path), int(t.file.Fd()), n.Path, false)
	}
	return nil
}

// hostNode finds the host's node of a device, which has the same path unless it was
// given another one in the container.
func hostNode(n *config.Device) (string, error) {
	number := unix.Mkdev(uint32(n.Major), uint32(n.Minor))
	is := func(path string) bool {
		var st unix.Stat_t
		return unix.Lstat(path, &st) == nil && st.Mode&unix.S_IFMT == nodeType(n.Type) && st.Rdev == number
	}
	if is(n.Path) {
		return n.Path, nil
	}
	kind := "char"
	if n.Type == config.BlockDevice {
		kind = "block"
	}
	link := fmt.Sprintf("/sys/dev/%s/%d:%d/uevent", kind, n.Major, n.Minor)
	b, err := os.ReadFile(link)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "DEVNAME="); ok && is("/dev/"+name) {
			return "/dev/" + name, nil
		}
	}
	return "", fmt.Errorf("the host has no node of it, and a user namespace can make none")
}
