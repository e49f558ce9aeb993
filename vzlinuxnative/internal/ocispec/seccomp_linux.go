package ocispec

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzlinuxnative/internal/program"
)

// The words that SecurityConfig.Seccomp knows besides a profile's JSON.
const (
	seccompDefault    = "builtin"
	seccompAll        = "builtin+32bit"
	seccompUnconfined = "unconfined"
)

var nativeArch = map[string]specs.Arch{"amd64": specs.ArchX86_64, "arm64": specs.ArchAARCH64}

// seccomp sets the filter: the default profile unless told otherwise. It
// covers the native architecture, and the 32-bit ones when the program is a
// 32-bit one or on request: each costs time at every start.
func (b *builder) seccomp() error {
	profile := b.cfg.Security.Seccomp
	switch profile {
	case seccompUnconfined:
		return nil
	case "":
		if b.privileged() {
			return nil
		}
	}
	filter, err := b.filter(profile)
	if err != nil {
		return err
	}
	b.spec.Linux.Seccomp = filter
	return nil
}

func (b *builder) filter(profile string) (*specs.LinuxSeccomp, error) {
	if profile != "" && profile != seccompDefault && profile != seccompAll {
		if !json.Valid([]byte(profile)) {
			return nil, invalid("seccomp profile is not JSON: give unconfined, builtin, builtin+32bit or the profile itself")
		}
		filter, err := seccomp.LoadProfile(profile, b.spec)
		if err != nil {
			return nil, invalid("seccomp profile: %w", err)
		}
		return filter, nil
	}
	filter, err := seccomp.GetDefaultProfile(b.spec)
	if err != nil {
		return nil, fmt.Errorf("seccomp: %w", err)
	}
	if native, ok := nativeArch[runtime.GOARCH]; ok && profile != seccompAll && !b.compat() {
		filter.Architectures = []specs.Arch{native}
	}
	return filter, nil
}

// compat reports whether the program is a 32-bit one. One that cannot be found
// is reported by the engine, which sees the mounts too.
func (b *builder) compat() bool {
	p := b.spec.Process
	kind, err := b.host.findProgram(program.Query{Root: b.in.RootPath, Name: p.Args[0], Env: p.Env, Cwd: p.Cwd})
	return err == nil && kind == program.Compat
}
