package vzlinuxnative

import (
	"cmp"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/reaper"
	"vz.internal/vzlinuxnative/internal/record"
)

// merge fills what follows from the image and what was asked for together.
func merge(cfg *record.Config, dir string) error {
	run, from := &cfg.Run, cfg.ImageConfig
	entrypoint, args := from.Entrypoint, from.Cmd
	if run.Entrypoint != nil || run.ClearEntrypoint {
		entrypoint, args = run.Entrypoint, nil
	}
	if len(run.Args) > 0 {
		args = run.Args
	}
	cfg.Command = slices.Concat(entrypoint, args)
	if run.Idle {
		cfg.Command = []string{reaper.Path}
	}
	if len(cfg.Command) == 0 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "no command: the image names none, so give one after it")
	}
	cfg.Env = mergeEnv(from.Env, run.Env)
	cfg.WorkingDir = path.Clean(cmp.Or(run.WorkingDir, from.WorkingDir, "/"))
	cfg.User = cmp.Or(run.User, from.User)
	run.StopSignal = cmp.Or(run.StopSignal, from.StopSignal, "SIGTERM")
	run.Health = run.Health.Over(from.Health)
	err := run.Health.CheckRestart()
	if err != nil {
		return err
	}
	cfg.Labels = map[string]string{}
	maps.Copy(cfg.Labels, from.Labels)
	maps.Copy(cfg.Labels, run.Labels)
	if run.Log.Driver != "none" {
		cfg.LogPath = filepath.Join(dir, "log", "container.log")
	}
	cfg.CgroupsPath, err = cgroupOf(cfg)
	return err
}

// cgroupOf is where the container's cgroup is; "" where it has none.
func cgroupOf(cfg *record.Config) (string, error) {
	parent := cfg.Run.Namespaces.CgroupParent
	if why := cgroup.Denied(); why != "" {
		if parent != "" {
			return "", vzcontract.Errorf(vzcontract.ErrUnsupported, "cgroup parent %s: %s", parent, why)
		}
		return "", nil
	}
	return path.Join(cgroup.Base(), parent, "vz", cfg.ID), nil
}

// mergeEnv lets later entries of the same name win, in place.
func mergeEnv(lists ...[]string) []string {
	var env []string
	at := map[string]int{}
	for _, entry := range slices.Concat(lists...) {
		name, _, _ := strings.Cut(entry, "=")
		if i, ok := at[name]; ok {
			env[i] = entry
			continue
		}
		at[name] = len(env)
		env = append(env, entry)
	}
	return env
}
