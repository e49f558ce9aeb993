package monitor

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/program"
	"vz.internal/vzlinuxnative/internal/reaper"
	"vz.internal/vzlinuxnative/internal/record"
)

// specInput gathers what the specification is made from.
func (m *monitor) specInput(r *run) (engine.SpecInput, error) {
	c := m.cfg
	in := engine.SpecInput{
		ID: m.id, Config: r.cfg, Image: c.ImageConfig, Argv: c.Command, Env: c.Env, Cwd: c.WorkingDir, User: c.User,
		RootPath: m.root.Path, CgroupsPath: c.CgroupsPath,
	}
	for _, mount := range r.mounts {
		if mount.Type == vzcontract.MountTmpfs {
			continue
		}
		resolved, err := m.resolve(r, mount)
		if err != nil {
			return in, err
		}
		in.Binds = append(in.Binds, resolved)
	}
	for _, f := range r.net.files {
		if !slices.ContainsFunc(r.mounts, func(o record.Mount) bool { return o.Target == f.Target }) {
			f.ReadOnly = r.cfg.ReadOnly
			in.Binds = append(in.Binds, f)
		}
	}
	if r.cfg.Init || r.cfg.Idle {
		if err := m.addReaper(r, &in); err != nil {
			return in, err
		}
	}
	var err error
	in.JoinNamespaces, err = m.joins(r.cfg)
	return in, err
}

// addReaper puts the reaper before the workload, if there is one.
func (m *monitor) addReaper(r *run, in *engine.SpecInput) error {
	idle := m.cfg.Run.Idle
	if len(r.mounts) == 0 && !idle {
		// Without the user's mounts the program can be looked up here.
		env := in.Env
		if !slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, "PATH=") }) {
			env = append(slices.Clone(env), "PATH="+reaper.DefaultPath)
		}
		if _, err := program.Find(program.Query{Root: in.RootPath, Name: in.Argv[0], Env: env, Cwd: in.Cwd}); err != nil {
			return err
		}
	}
	file := filepath.Join(m.dir, "init")
	if err := reaper.Write(file, in.Argv, in.Env); err != nil {
		return err
	}
	if !idle {
		in.Argv = reaper.Args(in.Argv)
	}
	in.Binds = append(in.Binds, engine.ResolvedMount{
		Mount: vzcontract.Mount{Type: vzcontract.MountBind, Target: reaper.Path, ReadOnly: true}, HostPath: file,
	})
	return nil
}

// joins finds the namespaces of other containers that this one shares.
func (m *monitor) joins(cfg vzcontract.RunConfig) (map[specs.LinuxNamespaceType]string, error) {
	paths := map[specs.LinuxNamespaceType]string{}
	for _, ns := range []struct {
		kind specs.LinuxNamespaceType
		mode string
		file string
	}{
		{specs.NetworkNamespace, cfg.NetworkMode, "net"},
		{specs.PIDNamespace, cfg.Namespaces.PID, "pid"},
		{specs.IPCNamespace, cfg.Namespaces.IPC, "ipc"},
		{specs.UTSNamespace, cfg.Namespaces.UTS, "uts"},
		{specs.CgroupNamespace, cfg.Namespaces.Cgroup, "cgroup"},
	} {
		name, ok := strings.CutPrefix(ns.mode, "container:")
		if !ok {
			continue
		}
		pid, err := m.pidOf(name)
		if err == nil && ns.kind == specs.IPCNamespace {
			err = m.sharesIPC(name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s namespace of container %s: %w", ns.kind, name, err)
		}
		paths[ns.kind] = fmt.Sprintf("/proc/%d/ns/%s", pid, ns.file)
	}
	return paths, nil
}

// sharesIPC refuses to join an IPC namespace that its container keeps to itself.
func (m *monitor) sharesIPC(name string) error {
	id, err := m.store.Find(name)
	if err != nil {
		return err
	}
	other, err := m.store.Config(id)
	if err != nil {
		return err
	}
	switch other.Run.Namespaces.IPC {
	case "", "private", "none":
		return vzcontract.Errorf(vzcontract.ErrConflict, "it is private: give that container --ipc shareable")
	}
	return nil
}

// pidOf returns the process of another, running container.
func (m *monitor) pidOf(name string) (int, error) {
	id, err := m.store.Find(name)
	if err != nil {
		return 0, err
	}
	st, err := m.store.State(id)
	if err != nil {
		return 0, err
	}
	if !st.Live() {
		return 0, vzcontract.Errorf(vzcontract.ErrConflict, "it is %s, not running", st.State)
	}
	return st.PID, nil
}
