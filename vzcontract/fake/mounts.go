package fake

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/tree"
)

// prepareMounts makes the volumes of a new container and lists its mounts.
func (b *Backend) prepareMounts(c *container) error {
	var wanted, anonymous []vzcontract.Mount
	for _, m := range c.Info.Config.Mounts {
		if m.Anonymous() {
			anonymous = append(anonymous, m)
		} else {
			wanted = append(wanted, m)
		}
	}
	taken := func(target string) bool {
		return slices.ContainsFunc(wanted, func(m vzcontract.Mount) bool { return path.Clean(m.Target) == path.Clean(target) })
	}
	for _, entry := range slices.Backward(c.Info.Config.VolumesFrom) { // of two at one target the later counts
		name, mode, _ := strings.Cut(entry, ":")
		from, err := b.find("create", name)
		if err != nil {
			return err
		}
		for _, m := range from.Info.Mounts {
			mount := vzcontract.Mount{Type: m.Type, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly || mode == "ro"}
			if m.Type == vzcontract.MountVolume {
				mount.Source = m.Name
			}
			if !taken(mount.Target) {
				wanted = append(wanted, mount)
			}
		}
	}
	if img := b.st.Images[c.Info.ImageID]; img != nil {
		for _, target := range img.Info.Config.Volumes {
			anonymous = append(anonymous, vzcontract.Mount{Type: vzcontract.MountVolume, Target: target})
		}
	}
	for _, u := range anonymous {
		if !taken(u.Target) {
			wanted = append(wanted, u)
		}
	}
	for _, m := range wanted {
		if m.Type == vzcontract.MountBind && !m.CreateSource {
			if _, err := os.Stat(m.Source); err != nil {
				return missingSource(m)
			}
		}
		if m.Type == vzcontract.MountImage && b.findImage(m.Source) == nil {
			return vzcontract.Errorf(vzcontract.ErrNotFound, "no such image: %s", m.Source)
		}
		if v := b.st.Volumes[m.Source]; v != nil && m.Subpath != "" {
			if _, err := volumeView(v).Stat(m.Subpath); err != nil {
				return vzcontract.Errorf(vzcontract.ErrValidation, "volume %s has no %s", m.Source, m.Subpath)
			}
		}
	}
	for _, m := range wanted {
		info, err := b.prepareMount(c, m)
		if err != nil {
			return err
		}
		c.Info.Mounts = append(c.Info.Mounts, info)
	}
	return nil
}

func volumeView(v *volume) *tree.View {
	return tree.NewView(tree.Mount{Target: "/", FS: v.Files})
}

func (b *Backend) prepareMount(c *container, m vzcontract.Mount) (vzcontract.MountInfo, error) {
	info := vzcontract.MountInfo{
		Type: m.Type, Source: m.Source, Target: path.Clean(m.Target), ReadOnly: m.ReadOnly, Propagation: m.Propagation,
	}
	switch m.Type {
	case vzcontract.MountBind:
		if m.CreateSource {
			if err := os.MkdirAll(m.Source, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return info, vzcontract.Errorf(vzcontract.ErrValidation, "make bind source: %w", err)
			}
		}
	case vzcontract.MountVolume:
		v := b.st.Volumes[m.Source]
		if v == nil {
			v = b.newVolume(vzcontract.VolumeConfig{
				Name: m.Source, Driver: m.VolumeDriver, Options: m.VolumeOptions, Labels: m.VolumeLabels,
			})
			info.Anonymous = m.Source == ""
			if !m.NoCopy {
				copyUp(c.Root, v.Files, info.Target)
			}
		}
		info.Name, info.Source = v.Info.Name, v.Info.Mountpoint
	}
	return info, nil
}

// copyUp fills a new volume with what the image has at its mount point.
func copyUp(from, to tree.FS, dir string) {
	view := tree.NewView(tree.Mount{Target: "/", FS: from})
	root, err := view.Resolve(dir, tree.FollowLast)
	if err != nil {
		return // the image has nothing there
	}
	_ = view.Walk(root, func(p string, n tree.Node) error {
		rel := path.Join("/", strings.TrimPrefix(p, root))
		if rel == "/" && !n.Mode.IsDir() {
			return fs.SkipAll
		}
		return to.Put(rel, n)
	}) // a missing directory leaves the volume empty
}

// view stacks a container's mounts and returns the run that holds them.
func (b *Backend) view(c *container) (*tree.View, *run, error) {
	cfg := c.Info.Config
	r := &run{}
	mounts := []tree.Mount{
		{Target: "/proc", FS: procFS(), Kind: "proc", ReadOnly: true},
		{Target: "/dev", FS: devFS(), Kind: "tmpfs"},
		{Target: "/dev/shm", FS: tempFS(0o1777), Kind: "tmpfs"},
		{Target: "/sys", FS: tree.NewMem(), Kind: "sysfs", ReadOnly: true},
	}
	for name, text := range map[string]string{
		"/etc/hostname": cfg.Hostname + "\n", "/etc/hosts": b.hosts(c), "/etc/resolv.conf": resolvConf(cfg.DNS),
	} {
		mounts = append(mounts, tree.Mount{Target: name, FS: fileFS(text), Kind: "bind"})
	}
	for _, info := range c.Info.Mounts {
		said := given(cfg, info.Target)
		m := tree.Mount{Target: info.Target, Subpath: said.Subpath, ReadOnly: info.ReadOnly, Kind: string(info.Type)}
		switch info.Type {
		case vzcontract.MountBind:
			host, err := tree.OpenHost(info.Source)
			if err != nil {
				return nil, nil, vzcontract.Errorf(vzcontract.ErrValidation, "bind %s: %w", info.Source, err)
			}
			r.closers = append(r.closers, host.Close)
			m.FS = host
		case vzcontract.MountVolume:
			v := b.st.Volumes[info.Name]
			if v == nil {
				return nil, nil, vzcontract.Errorf(vzcontract.ErrNotFound, "volume %s is gone", info.Name)
			}
			m.FS = v.Files
			r.volumes = append(r.volumes, info.Name)
		case vzcontract.MountTmpfs:
			m.FS = tempFS(0o1777)
			if said.TmpfsMode != 0 {
				m.FS = tempFS(fs.FileMode(said.TmpfsMode))
			}
		case vzcontract.MountImage:
			img := b.findImage(info.Source)
			if img == nil {
				return nil, nil, vzcontract.Errorf(vzcontract.ErrNotFound, "image %s is gone", info.Source)
			}
			m.FS = img.Files.Clone()
		}
		mounts = append(mounts, m)
	}
	root := tree.Mount{Target: "/", FS: c.Root, ReadOnly: cfg.ReadOnly}
	return tree.NewView(root, mounts...), r, nil
}

func tempFS(mode fs.FileMode) *tree.Mem {
	return tree.FromNodes(map[string]tree.Node{"/": {Mode: fs.ModeDir | mode}})
}

func fileFS(text string) *tree.Mem {
	return tree.FromNodes(map[string]tree.Node{"/": {Mode: 0o644, Data: []byte(text)}})
}

func procFS() *tree.Mem {
	return tree.FromNodes(map[string]tree.Node{
		"/":        {Mode: fs.ModeDir | 0o555},
		"/version": {Mode: 0o444, Data: []byte("Linux version 6.0.0-fake\n")},
	})
}

func devFS() *tree.Mem {
	m := tempFS(0o755)
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		_ = m.Put("/"+name, tree.Node{Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666}) // an empty tree takes it
	}
	_ = m.Put("/shm", tree.Node{Mode: fs.ModeDir | fs.ModeSticky | 0o777})
	return m
}

func (b *Backend) hosts(c *container) string {
	var s strings.Builder
	s.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	for _, e := range c.Info.Networks {
		if e.IPv4 != "" {
			fmt.Fprintf(&s, "%s\t%s\n", e.IPv4, c.Info.Config.Hostname)
		}
	}
	for _, entry := range c.Info.Config.ExtraHosts {
		if name, ip, ok := strings.Cut(entry, ":"); ok {
			if ip == "host-gateway" {
				ip = "172.30.0.1"
			}
			fmt.Fprintf(&s, "%s\t%s\n", ip, name)
		}
	}
	return s.String()
}

func resolvConf(dns vzcontract.DNSConfig) string {
	var s strings.Builder
	servers := dns.Servers
	if len(servers) == 0 {
		servers = []string{"172.30.0.1"}
	}
	for _, server := range servers {
		fmt.Fprintf(&s, "nameserver %s\n", server)
	}
	if len(dns.Search) > 0 {
		fmt.Fprintf(&s, "search %s\n", strings.Join(dns.Search, " "))
	}
	if len(dns.Options) > 0 {
		fmt.Fprintf(&s, "options %s\n", strings.Join(dns.Options, " "))
	}
	return s.String()
}
