package fake

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/sim"
	"vz.internal/vzcontract/fake/internal/tree"
)

// Create implements vzcontract.Containers.
func (b *Backend) Create(ctx context.Context, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	info, err := b.create(ctx, cfg)
	if err != nil {
		class := vzcontract.SentinelOf(vzcontract.CodeOf(err))
		err = &vzcontract.Error{Op: "create", Kind: "container", Name: cfg.Name, Class: class, Err: err}
	}
	return info, err
}

func (b *Backend) create(ctx context.Context, cfg vzcontract.RunConfig) (info vzcontract.ContainerInfo, err error) {
	if err := ctx.Err(); err != nil {
		return info, err
	}
	if err := validate(&cfg); err != nil {
		return info, err
	}
	unlock, err := b.lock()
	if err != nil {
		return info, err
	}
	defer unlock()
	if cfg.Name == "" {
		cfg.Name = b.freeName()
	}
	if other := b.byName(cfg.Name); other != nil {
		return info, vzcontract.Errorf(vzcontract.ErrConflict,
			"the name %s is in use by container %s: remove or rename that one, or choose another name", cfg.Name, other.Info.ID[:12])
	}
	base, img, err := b.baseOf(cfg)
	if err != nil {
		return info, err
	}
	c := &container{Base: base, Root: &store{base.Clone()}, Serial: b.serial()}
	c.Info = vzcontract.ContainerInfo{
		ID: randomID(), Name: cfg.Name, State: vzcontract.StateCreated, Config: cfg, CreatedAt: time.Now(),
		Backend: b.BackendName(), RootfsDriver: "memory",
	}
	if err := merge(&c.Info, img); err != nil {
		return info, err
	}
	if err := b.checkRefs(c); err != nil {
		return info, err
	}
	if err := b.prepare(c); err != nil {
		return info, err
	}
	b.st.Containers[c.Info.ID] = c
	b.event("container", "create", c, nil)
	return c.info(), nil
}

// baseOf returns the files that the container starts from.
func (b *Backend) baseOf(cfg vzcontract.RunConfig) (*store, *image, error) {
	if cfg.Rootfs != "" {
		mem, err := tree.Load(cfg.Rootfs)
		if err != nil {
			return nil, nil, vzcontract.Errorf(vzcontract.ErrNotFound, "read root %s: %w", cfg.Rootfs, err)
		}
		return &store{mem}, nil, nil
	}
	img, err := b.pull(cfg.Image, cfg.Pull, cfg.Platform)
	if err != nil {
		return nil, nil, err
	}
	return img.Files, img, nil
}

// merge fills what follows from the image and the config together.
func merge(info *vzcontract.ContainerInfo, img *image) error {
	cfg, from := &info.Config, vzcontract.ImageConfig{}
	if img != nil {
		from = img.Info.Config
		info.Image, info.ImageID = cfg.Image, img.Info.ID
	}
	entrypoint, args := from.Entrypoint, from.Cmd
	if cfg.Entrypoint != nil || cfg.ClearEntrypoint {
		entrypoint, args = cfg.Entrypoint, nil
	}
	if len(cfg.Args) > 0 {
		args = cfg.Args
	}
	info.Command = slices.Concat(entrypoint, args)
	if cfg.Idle {
		info.Command = []string{"/dev/init"}
	}
	if len(info.Command) == 0 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "no command: the image names none, so give one after it")
	}
	info.Env = mergeEnv(from.Env, cfg.Env)
	info.WorkingDir = firstOf(cfg.WorkingDir, from.WorkingDir, "/")
	info.User = firstOf(cfg.User, from.User)
	cfg.StopSignal = firstOf(cfg.StopSignal, from.StopSignal, "SIGTERM")
	cfg.Health = cfg.Health.Over(from.Health)
	if err := cfg.Health.CheckRestart(); err != nil {
		return err
	}
	info.Exposed = vzcontract.ExposedPorts(from, *cfg)
	info.Labels = map[string]string{}
	for _, labels := range []map[string]string{from.Labels, cfg.Labels} {
		for k, v := range labels {
			info.Labels[k] = v
		}
	}
	if cfg.Hostname == "" {
		cfg.Hostname = info.ID[:12]
	}
	return nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// mergeEnv lets later entries of the same name win, in place.
func mergeEnv(lists ...[]string) []string {
	var env []string
	for _, entry := range slices.Concat(lists...) {
		name, _, _ := strings.Cut(entry, "=")
		at := slices.IndexFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		if at >= 0 {
			env[at] = entry
		} else {
			env = append(env, entry)
		}
	}
	if !slices.ContainsFunc(env, func(e string) bool { return strings.HasPrefix(e, "PATH=") }) {
		env = append(env, "PATH="+defaultPath)
	}
	return env
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// checkRefs refuses what names things that do not exist. It gives networks their names.
func (b *Backend) checkRefs(c *container) error {
	cfg := c.Info.Config
	view := tree.NewView(tree.Mount{Target: "/", FS: c.Root})
	if _, err := sim.LookupUser(view, c.Info.User, cfg.Groups); err != nil {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%w", err)
	}
	for _, mode := range []string{cfg.NetworkMode, cfg.Namespaces.PID, cfg.Namespaces.IPC} {
		if name, ok := strings.CutPrefix(mode, "container:"); ok {
			if _, err := b.find("create", name); err != nil {
				return err
			}
		}
	}
	for _, entry := range cfg.VolumesFrom {
		name, _, _ := strings.Cut(entry, ":")
		if _, err := b.find("create", name); err != nil {
			return err
		}
	}
	return c.Info.Config.NameNetworks(func(ref string) (string, error) {
		n := b.findNetwork(ref)
		if n == nil {
			return "", vzcontract.Errorf(vzcontract.ErrNotFound, "no such network: %s", ref)
		}
		return n.Info.Name, nil
	})
}

// prepare makes the volumes, mount points and files of a new container. It
// does last what cannot be undone.
func (b *Backend) prepare(c *container) error {
	if err := b.prepareMounts(c); err != nil {
		return err
	}
	view := tree.NewView(tree.Mount{Target: "/", FS: c.Root})
	for _, m := range c.Info.Mounts {
		if err := view.MkdirAll(m.Target, 0o755); err != nil {
			return vzcontract.Errorf(vzcontract.ErrValidation, "mount point %s: %s", m.Target, tree.Errno(err))
		}
	}
	for _, dir := range []string{"/etc", "/proc", "/sys", "/dev"} {
		if err := view.MkdirAll(dir, 0o755); err != nil {
			return vzcontract.Errorf(vzcontract.ErrValidation, "directory %s: %s", dir, tree.Errno(err))
		}
	}
	user, err := sim.LookupUser(view, c.Info.User, c.Info.Config.Groups)
	if err != nil {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%w", err)
	}
	work := tree.Node{Mode: fs.ModeDir | 0o755, UID: user.UID, GID: user.GID}
	if err := makeDir(view, path.Clean(c.Info.WorkingDir), work); err != nil {
		return vzcontract.Errorf(vzcontract.ErrValidation, "directory %s: %s", c.Info.WorkingDir, tree.Errno(err))
	}
	if c.Info.Config.Log.Driver != "none" {
		c.Info.LogPath = "memory:" + c.Info.ID
	}
	// What every container gets is no change of it.
	c.Base = &store{c.Root.Clone()}
	return nil
}

func (b *Backend) serial() int {
	b.st.Serial++
	return b.st.Serial
}

// info returns a copy for a caller.
func (c *container) info() vzcontract.ContainerInfo {
	info := c.Info
	info.StopAsked = c.StopAsked
	if info.Exit != nil {
		exit := *info.Exit
		info.Exit = &exit
	}
	if info.Health != nil {
		health := *info.Health
		health.Log = slices.Clone(health.Log)
		info.Health = &health
	}
	info.Networks = slices.Clone(info.Networks)
	if info.State != vzcontract.StateRunning && info.State != vzcontract.StatePaused {
		info.Networks = vzcontract.ConfiguredEndpoints("", attachments(info.Config))
	}
	info.Ports = slices.Clone(info.Ports)
	info.Mounts = slices.Clone(info.Mounts)
	return info
}
