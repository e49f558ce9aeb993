package vzsandbox

import (
	"context"
	"maps"
	"slices"

	"vz.internal/vzcontract"
)

// DefaultCapabilities returns those that root has in a sandbox: what installing packages
// and managing files, users and processes of its own takes. Unlike containers, sandboxes
// have no raw sockets, device nodes, audit records, low ports, chroot nor file capabilities.
func DefaultCapabilities() []string {
	return []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"}
}

// config is the container that a sandbox is.
func (h *Host) config(ctx context.Context, f facts, name string) (cfg vzcontract.RunConfig, err error) {
	t := f.Template
	cfg = vzcontract.RunConfig{
		Name: name, Image: t.Image, Rootfs: t.Rootfs, Platform: t.Platform, Idle: true,
		Env: t.Env, User: t.User, WorkingDir: t.workspace(), Resources: t.Limits.resources(), Timeout: t.TTL,
		Security: vzcontract.SecurityConfig{
			CapDrop: []string{"ALL"}, CapAdd: slices.Concat(DefaultCapabilities(), t.Capabilities), NoNewPrivileges: !t.GainPrivileges,
		},
		Log: vzcontract.LogConfig{Driver: "none"}, // process 1 says nothing
	}
	if f.Unlimited != "" {
		cfg.Resources.PidsLimit = 0
	}
	if f.Pool != nil {
		cfg.Timeout = 0 // it would count from now; see Template.TTL
	}
	if err := h.enforce(&cfg, t); err != nil {
		return cfg, err
	}
	if len(t.Setup) > 0 {
		if cfg.Image, err = h.setup(ctx, t); err != nil {
			return cfg, err
		}
		cfg.Pull = vzcontract.PullNever // it was made here
	}
	if f.Project != nil && !f.Project.Copy {
		cfg.Mounts = []vzcontract.Mount{f.Project.mount(t.workspace())}
	}
	label, err := f.label()
	if err != nil {
		return cfg, err
	}
	cfg.Labels = map[string]string{Label: label}
	maps.Copy(cfg.Labels, t.Labels)
	return cfg, nil
}

// enforce sets what some backends cannot enforce, or refuses it.
func (h *Host) enforce(cfg *vzcontract.RunConfig, t Template) error {
	if err := h.backend.Capabilities().CheckDisk(t.Limits.resources()); err != nil {
		return err
	}
	switch t.Network.Mode {
	case NetworkNAT: // the backend's default network
	case NetworkAllow: // the same, as far as the policy lets it
		cfg.Egress = t.Network.policy()
	default:
		cfg.NetworkMode = "none"
	}
	return nil
}

// setup returns the image that the setup commands make.
func (h *Host) setup(ctx context.Context, t Template) (ref string, err error) {
	switch {
	case t.Rootfs != "":
		return "", unsupported("setup commands: their result is an image, so they need a base that is one, not a root directory")
	case h.opts.Setup == nil:
		return "", unsupported("setup commands: %s", noSetup)
	}
	return h.opts.Setup(ctx, SetupRequest{Image: t.Image, Platform: t.Platform, Commands: t.Setup, Env: t.Env, User: t.User})
}
