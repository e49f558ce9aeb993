package vzlinuxnative

import (
	"cmp"
	"context"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/ocispec"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/network"
)

// checkRefs refuses what names containers or networks that do not exist. It gives
// networks their names.
func (b *Backend) checkRefs(ctx context.Context, cfg *record.Config) error {
	run := cfg.Run
	for _, mode := range []string{
		run.NetworkMode, run.Namespaces.PID, run.Namespaces.IPC, run.Namespaces.UTS, run.Namespaces.Cgroup,
	} {
		name, ok := strings.CutPrefix(mode, "container:")
		if !ok {
			continue
		}
		if _, err := b.store.Find(name); err != nil {
			return vzcontract.Errorf(vzcontract.SentinelOf(vzcontract.CodeOf(err)), "%s: %w", mode, err)
		}
	}
	return cfg.Run.NameNetworks(func(ref string) (string, error) {
		if ref == network.DefaultNetwork {
			return ref, nil // it is made when it is first used
		}
		info, err := b.nets.Inspect(ctx, ref)
		return info.Name, err
	})
}

// check lets package ocispec refuse what it would refuse at the start.
func check(cfg *record.Config) error {
	in := engine.SpecInput{
		ID: cfg.ID, Config: cfg.Run, Image: cfg.ImageConfig, Argv: cfg.Command, Env: cfg.Env, Cwd: cfg.WorkingDir,
		CgroupsPath: cfg.CgroupsPath, JoinNamespaces: map[specs.LinuxNamespaceType]string{},
	}
	for kind, mode := range map[specs.LinuxNamespaceType]string{
		specs.NetworkNamespace: cfg.Run.NetworkMode, specs.PIDNamespace: cfg.Run.Namespaces.PID,
		specs.IPCNamespace: cfg.Run.Namespaces.IPC, specs.UTSNamespace: cfg.Run.Namespaces.UTS,
		specs.CgroupNamespace: cfg.Run.Namespaces.Cgroup,
	} {
		if strings.HasPrefix(mode, "container:") {
			in.JoinNamespaces[kind] = "/proc/0/ns/any"
		}
	}
	for _, m := range cfg.Mounts {
		if m.Type != vzcontract.MountTmpfs {
			in.Binds = append(in.Binds, engine.ResolvedMount{Mount: m.Mount, HostPath: cmp.Or(m.HostPath, "/")})
		}
	}
	return ocispec.Check(in)
}
