package runflags

import (
	"slices"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

// Config turns the flags into what a backend runs. It reads the files that
// flags name and vz's own environment, nothing else.
func (f *Flags) Config() (vzcontract.RunConfig, error) {
	cfg := vzcontract.RunConfig{
		Name: strings.TrimPrefix(f.Name, "/"), Platform: f.Platform, WorkingDir: f.Workdir, User: f.User, Groups: f.GroupAdd,
		TTY: f.TTY, OpenStdin: f.Interactive, Init: f.Init, AutoRemove: f.Rm, ReadOnly: f.ReadOnly,
	}
	if len(f.Command) == 0 || f.Command[0] == "" {
		return cfg, command.Usagef("an image is missing; give one before the command and its arguments, as in vz run vz:builtin sh")
	}
	cfg.Image, cfg.Args = f.Command[0], f.Command[1:]
	cfg.Security.Privileged = f.Privileged
	if err := f.Refused.check(); err != nil {
		return cfg, err
	}
	for _, step := range []func(*vzcontract.RunConfig) error{
		f.identity, f.Storage.apply, f.Network.apply, f.limits, f.Security.apply, f.Lifecycle.apply,
	} {
		if err := step(&cfg); err != nil {
			return cfg, err
		}
	}
	if f.Rm && cfg.Restart.Mode != "" && cfg.Restart.Mode != vzcontract.RestartNo {
		return cfg, bad("rm", "--restart "+f.Lifecycle.Restart, "a container that is removed when it ends cannot be restarted")
	}
	return cfg, nil
}

func (f *Flags) identity(cfg *vzcontract.RunConfig) (err error) {
	switch cfg.Pull = vzcontract.PullPolicy(f.Pull); cfg.Pull {
	case vzcontract.PullAlways, vzcontract.PullMissing, vzcontract.PullNever:
	default:
		return bad("pull", f.Pull, "want always, missing or never")
	}
	if f.DisableContentTrust != nil && !*f.DisableContentTrust {
		return refuse("disable-content-trust", "false", "vz verifies digests, not Notary signatures")
	}
	if f.Entrypoint != nil {
		if *f.Entrypoint == "" {
			cfg.ClearEntrypoint, cfg.Entrypoint = true, []string{}
		} else {
			cfg.Entrypoint = []string{*f.Entrypoint}
		}
	}
	if cfg.Env, err = Environment(f.EnvFile, f.Env); err != nil {
		return err
	}
	if cfg.Labels, err = labels(f.LabelFile, f.Label); err != nil {
		return err
	}
	for _, a := range f.Annotation {
		key, value, ok := strings.Cut(a, "=")
		if !ok || key == "" {
			return bad("annotation", a, "want KEY=VALUE")
		}
		cfg.Annotations = put(cfg.Annotations, key, value)
	}
	_, err = f.Streams()
	return err
}

func (f *Flags) limits(cfg *vzcontract.RunConfig) (err error) {
	if cfg.Resources, err = f.Limits.Resources(); err != nil {
		return err
	}
	if cfg.Resources.Disk, err = storageSize(f.Storage.StorageOpt); err != nil {
		return err
	}
	cfg.Ulimits, err = each("ulimit", f.Limits.Ulimit, ParseUlimit)
	return err
}

func (f *StorageFlags) apply(cfg *vzcontract.RunConfig) (err error) {
	if f.VolumeDriver != "" && f.VolumeDriver != "local" {
		return refuse("volume-driver", f.VolumeDriver, "the only driver is local")
	}
	for _, kind := range []struct {
		flag   string
		values []string
		parse  func(flag, s string) (vzcontract.Mount, error)
	}{{"volume", f.Volume, ParseVolume}, {"mount", f.Mount, ParseMount}, {"tmpfs", f.Tmpfs, ParseTmpfs}} {
		mounts, err := each(kind.flag, kind.values, kind.parse)
		if err != nil {
			return err
		}
		for i, m := range mounts {
			if kind.flag != "mount" && slices.Contains(kind.values[:i], kind.values[i]) {
				continue // the same words again, as with docker
			}
			if slices.ContainsFunc(cfg.Mounts, func(o vzcontract.Mount) bool { return o.Target == m.Target }) {
				return bad(kind.flag, m.Target, "two mounts have this target")
			}
			cfg.Mounts = append(cfg.Mounts, m)
		}
	}
	for _, from := range f.VolumesFrom {
		name, mode, _ := strings.Cut(from, ":")
		if name == "" || mode != "" && mode != "ro" && mode != "rw" && mode != "z" && mode != "Z" {
			return bad("volumes-from", from, "want CONTAINER[:ro|rw]")
		}
	}
	cfg.VolumesFrom = f.VolumesFrom
	if cfg.ShmSize, err = size("shm-size", f.ShmSize); err != nil {
		return err
	}
	if cfg.Devices, err = each("device", f.Device, ParseDevice); err != nil {
		return err
	}
	cfg.DeviceRules, err = each("device-cgroup-rule", f.DeviceRule, cgroupRule)
	return err
}
