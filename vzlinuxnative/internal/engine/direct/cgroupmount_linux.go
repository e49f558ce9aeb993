package direct

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/cgroups"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// addCgroupMount mounts the container's view of the cgroup tree: the unified
// one, or a tmpfs with every hierarchy of version 1. It relies on the cgroup
// namespace to show only the container's part.
func (p *plan) addCgroupMount(m specs.Mount, o mountOptions) error {
	if cgroups.IsCgroup2UnifiedMode() {
		p.addFSMount("cgroup2", m.Destination, o)
		return nil
	}
	hs, err := hierarchies()
	if err != nil {
		return err
	}
	dir := mountOptions{set: o.set &^ unix.MOUNT_ATTR_RDONLY, data: [][2]string{{"mode", "755"}, {"source", "tmpfs"}}}
	p.addFSMount("tmpfs", m.Destination, dir)
	for _, h := range hs {
		name := strings.Join(h, ",")
		opts := mountOptions{set: o.set, data: [][2]string{{"source", "cgroup"}}}
		for _, c := range h {
			if n, ok := strings.CutPrefix(c, "name="); ok {
				name = n
				opts.data = append(opts.data, [2]string{"none", ""}, [2]string{"name", n})
			} else {
				opts.data = append(opts.data, [2]string{c, ""})
			}
		}
		p.addFSMount("cgroup", path.Join(m.Destination, name), opts)
		if len(h) > 1 {
			for _, c := range h {
				p.add(opSymlink, "link cgroup "+c, name, path.Join(m.Destination, c))
			}
		}
	}
	if o.set&unix.MOUNT_ATTR_RDONLY != 0 {
		p.add(opReadOnly, "make "+m.Destination+" read-only", m.Destination)
	}
	return nil
}

// hierarchies returns the mounted version 1 hierarchies, each by its
// controllers, from /proc/self/cgroup.
func hierarchies() ([][]string, error) {
	f, err := os.Open("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("list cgroup hierarchies: %w", err)
	}
	defer f.Close()
	var hs [][]string
	for sc := bufio.NewScanner(f); sc.Scan(); {
		parts := strings.SplitN(sc.Text(), ":", 3)
		if len(parts) == 3 && parts[1] != "" {
			hs = append(hs, strings.Split(parts[1], ","))
		}
	}
	slices.Reverse(hs)
	return hs, nil
}
