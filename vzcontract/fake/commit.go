package fake

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/tree"
)

// Commit implements vzcontract.Committer.
func (b *Backend) Commit(ctx context.Context, ref string, opts vzcontract.CommitOptions) (info vzcontract.ImageInfo, err error) {
	err = b.change(ctx, "commit", ref, func(c *container) error {
		if opts.Ref != "" && !validRef(opts.Ref) {
			return failure("commit", c, vzcontract.ErrValidation, "invalid reference %q", opts.Ref)
		}
		cfg := vzcontract.ImageConfig{}
		if img := b.st.Images[c.Info.ImageID]; img != nil {
			cfg = img.Info.Config
		}
		overrideConfig(&cfg, c)
		for _, line := range opts.Changes {
			if err := applyChange(&cfg, line); err != nil {
				return failure("commit", c, vzcontract.ErrValidation, "%w", err)
			}
		}
		img := newImage(cfg, c.Root.Clone(), time.Now())
		img.Info.Author, img.Info.Comment = opts.Author, opts.Comment
		tag := ""
		if opts.Ref != "" {
			tag = normal(opts.Ref)
		}
		img = b.addImage(img, tag)
		b.event("container", "commit", c, map[string]string{"imageID": img.Info.ID})
		info = img.info()
		return nil
	})
	return info, err
}

// overrideConfig carries what the container was created with over to an image.
func overrideConfig(cfg *vzcontract.ImageConfig, c *container) {
	run := c.Info.Config
	cfg.Env = c.Info.Env
	if run.Entrypoint != nil || run.ClearEntrypoint {
		cfg.Entrypoint, cfg.Cmd = run.Entrypoint, nil
	}
	if len(run.Args) > 0 {
		cfg.Cmd = run.Args
	}
	cfg.WorkingDir, cfg.User = c.Info.WorkingDir, c.Info.User
	cfg.Labels = maps.Clone(c.Info.Labels)
}

// applyChange applies one Dockerfile line.
func applyChange(cfg *vzcontract.ImageConfig, line string) error {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	rest = strings.TrimSpace(rest)
	if rest == "" {
		return invalid("change %q: the value is missing", line)
	}
	switch strings.ToUpper(word) {
	case "CMD":
		cfg.Cmd = argv(rest)
	case "ENTRYPOINT":
		cfg.Entrypoint = argv(rest)
	case "ENV":
		if !strings.Contains(rest, "=") {
			key, value, _ := strings.Cut(rest, " ")
			rest = key + "=" + value
		}
		cfg.Env = mergeEnv(cfg.Env, []string{rest})
	case "EXPOSE":
		for _, port := range strings.Fields(rest) {
			if !strings.Contains(port, "/") {
				port += "/tcp"
			}
			cfg.ExposedPorts = append(slices.Clone(cfg.ExposedPorts), port)
		}
	case "LABEL":
		key, value, ok := strings.Cut(rest, "=")
		if !ok {
			return invalid("change %q: want LABEL name=value", line)
		}
		if cfg.Labels == nil {
			cfg.Labels = map[string]string{}
		}
		cfg.Labels[key] = strings.Trim(value, `"`)
	case "ONBUILD":
		cfg.OnBuild = append(slices.Clone(cfg.OnBuild), rest)
	case "STOPSIGNAL":
		if _, err := signalNumber(rest, ""); err != nil {
			return err
		}
		cfg.StopSignal = rest
	case "USER":
		cfg.User = rest
	case "VOLUME":
		for _, v := range argv(rest) {
			if v != "/bin/sh" && v != "-c" {
				cfg.Volumes = append(slices.Clone(cfg.Volumes), v)
			}
		}
	case "WORKDIR":
		cfg.WorkingDir = rest
	case "HEALTHCHECK":
		if rest == "NONE" {
			cfg.Health = &vzcontract.HealthCheck{Test: []string{"NONE"}}
			return nil
		}
		command, ok := strings.CutPrefix(rest, "CMD ")
		if !ok {
			return invalid("change %q: want HEALTHCHECK CMD command or HEALTHCHECK NONE", line)
		}
		test := []string{"CMD-SHELL", command}
		if args := argv(command); len(args) > 0 && args[0] != "/bin/sh" {
			test = append([]string{"CMD"}, args...)
		}
		cfg.Health = &vzcontract.HealthCheck{Test: test}
	default:
		return invalid("change %q: unknown instruction %s", line, word)
	}
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

var _ tree.FS = (*store)(nil)
