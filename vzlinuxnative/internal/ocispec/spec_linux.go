package ocispec

import (
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
)

// New returns the complete spec of in: users are numbers, paths absolute. It
// reads files of the container's root and facts of the host, and changes
// nothing. A wrong setting is ErrValidation; one that this host cannot do
// ErrUnsupported; one that the caller may not do ErrDenied.
func New(in engine.SpecInput) (*specs.Spec, error) {
	h, err := thisHost()
	if err != nil {
		return nil, err
	}
	return build(in, h)
}

func build(in engine.SpecInput, h host) (*specs.Spec, error) {
	b := &builder{in: in, cfg: in.Config, host: h}
	b.spec = &specs.Spec{
		Version:     specs.Version,
		Root:        &specs.Root{Path: in.RootPath, Readonly: in.Config.ReadOnly},
		Process:     &specs.Process{},
		Annotations: in.Config.Annotations,
		Linux:       &specs.Linux{CgroupsPath: in.CgroupsPath},
	}
	for _, step := range []func() error{
		b.namespaces, b.names, b.process, b.capabilities, b.rlimits, b.oomScore,
		b.resources, b.devices, b.sysctls, b.mounts, b.paths, b.labels, b.seccomp,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return b.spec, nil
}

// A builder fills a spec step by step; steps may rely on earlier ones.
type builder struct {
	in   engine.SpecInput
	cfg  vzcontract.RunConfig
	host host
	spec *specs.Spec
}

func (b *builder) privileged() bool { return b.cfg.Security.Privileged }

func (b *builder) resources() error {
	limits, err := b.host.cgroup.Limits(b.cfg.Resources)
	if err != nil {
		return err
	}
	b.spec.Linux.Resources = limits
	return nil
}

func invalid(format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, format, args...)
}

func unsupported(format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, format, args...)
}

// names sets host and domain name.
func (b *builder) names() error {
	name, domain := b.cfg.Hostname, b.cfg.Domainname
	if !b.owns(specs.UTSNamespace) {
		if name != "" || domain != "" {
			return invalid("a hostname cannot be set: the UTS namespace is not the container's own")
		}
		return nil
	}
	if name == "" {
		name = b.defaultHostname()
	}
	for _, n := range []string{name, domain} {
		if len(n) > 64 {
			return invalid("hostname %q is longer than 64 characters", n)
		}
	}
	b.spec.Hostname, b.spec.Domainname = name, domain
	return nil
}

// defaultHostname is the host's own on the host's network, as with docker,
// else the short id.
func (b *builder) defaultHostname() string {
	if b.cfg.NetworkMode == "host" {
		return b.host.hostname
	}
	return b.in.ID[:min(12, len(b.in.ID))]
}

func (b *builder) labels() error {
	for _, l := range b.cfg.Security.SELinux {
		if l != "disable" { // there is no label to leave away
			return unsupported("security option label=%s: SELinux is not supported", l)
		}
	}
	profile, err := b.appArmor()
	if err != nil {
		return fmt.Errorf("apparmor: %w", err)
	}
	b.spec.Process.ApparmorProfile = profile
	return nil
}
