package vzlinuxnative

import (
	"encoding/json"
	"slices"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/signame"
)

// changes are the Dockerfile instructions that a commit knows.
var changes = map[string]func(cfg *vzcontract.ImageConfig, value string) error{
	"CMD":        func(cfg *vzcontract.ImageConfig, v string) error { cfg.Cmd = argv(v); return nil },
	"ENTRYPOINT": func(cfg *vzcontract.ImageConfig, v string) error { cfg.Entrypoint = argv(v); return nil },
	"USER":       func(cfg *vzcontract.ImageConfig, v string) error { cfg.User = v; return nil },
	"WORKDIR":    func(cfg *vzcontract.ImageConfig, v string) error { cfg.WorkingDir = v; return nil },
	"ONBUILD": func(cfg *vzcontract.ImageConfig, v string) error {
		cfg.OnBuild = append(slices.Clone(cfg.OnBuild), v)
		return nil
	},
	"ENV": changeEnv, "EXPOSE": changeExpose, "LABEL": changeLabel, "VOLUME": changeVolume,
	"HEALTHCHECK": changeHealth,
	"STOPSIGNAL": func(cfg *vzcontract.ImageConfig, v string) error {
		_, err := signame.Parse(v)
		cfg.StopSignal = v
		return err
	},
}

// applyChange applies one Dockerfile line.
func applyChange(cfg *vzcontract.ImageConfig, line string) error {
	word, value, _ := strings.Cut(strings.TrimSpace(line), " ")
	apply := changes[strings.ToUpper(word)]
	if apply == nil {
		return invalid("change %q: unknown instruction %s", line, word)
	}
	if value = strings.TrimSpace(value); value == "" {
		return invalid("change %q: the value is missing", line)
	}
	if err := apply(cfg, value); err != nil {
		return invalid("change %q: %w", line, err)
	}
	return nil
}

func changeEnv(cfg *vzcontract.ImageConfig, v string) error {
	if !strings.Contains(v, "=") {
		key, value, _ := strings.Cut(v, " ")
		v = key + "=" + value
	}
	cfg.Env = mergeEnv(cfg.Env, []string{v})
	return nil
}

func changeExpose(cfg *vzcontract.ImageConfig, v string) error {
	for port := range strings.FieldsSeq(v) {
		if !strings.Contains(port, "/") {
			port += "/tcp"
		}
		cfg.ExposedPorts = append(slices.Clone(cfg.ExposedPorts), port)
	}
	return nil
}

func changeLabel(cfg *vzcontract.ImageConfig, v string) error {
	key, value, ok := strings.Cut(v, "=")
	if !ok {
		return invalid("want LABEL name=value")
	}
	if cfg.Labels == nil {
		cfg.Labels = map[string]string{}
	}
	cfg.Labels[key] = strings.Trim(value, `"`)
	return nil
}

func changeVolume(cfg *vzcontract.ImageConfig, v string) error {
	list := strings.Fields(v)
	if strings.HasPrefix(v, "[") {
		if err := json.Unmarshal([]byte(v), &list); err != nil {
			return err
		}
	}
	cfg.Volumes = append(slices.Clone(cfg.Volumes), list...)
	return nil
}

func changeHealth(cfg *vzcontract.ImageConfig, v string) error {
	if v == "NONE" {
		cfg.Health = &vzcontract.HealthCheck{Test: []string{"NONE"}}
		return nil
	}
	command, ok := strings.CutPrefix(v, "CMD ")
	if !ok {
		return invalid("want HEALTHCHECK CMD command or HEALTHCHECK NONE")
	}
	test := []string{"CMD-SHELL", command}
	var list []string
	if strings.HasPrefix(command, "[") && json.Unmarshal([]byte(command), &list) == nil {
		test = append([]string{"CMD"}, list...)
	}
	cfg.Health = &vzcontract.HealthCheck{Test: test}
	return nil
}

// argv reads the exec form, or wraps the shell form.
func argv(s string) []string {
	var list []string
	if strings.HasPrefix(s, "[") && json.Unmarshal([]byte(s), &list) == nil {
		return list
	}
	return []string{"/bin/sh", "-c", s}
}
