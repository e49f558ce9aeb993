package container

import (
	"errors"
	"fmt"
	"os"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/progress"
	"vz.internal/vzcli/internal/runflags"
	"vz.internal/vzcontract"
)

type createCmd struct {
	runflags.Flags
}

// Run implements command.Verb.
func (c *createCmd) Run(env *command.Env) error {
	cfg, err := c.Config()
	if err != nil {
		return err
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	info, err := create(env, s, &c.Flags, cfg)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Stdout, info.ID)
	return err
}

// create makes the container, after a pull with progress where one is needed,
// and writes the cidfile.
func create(env *command.Env, s *command.Services, f *runflags.Flags, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	if unpublished := cfg.NetworkMode == "host" || cfg.NetworkMode == "none"; unpublished && (len(cfg.Ports) > 0 || cfg.PublishAll) {
		fmt.Fprintf(env.Stderr, "vz: warning: --network %s publishes no ports\n", cfg.NetworkMode)
	}
	cid, err := openCIDFile(f.CIDFile)
	if err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	info, err := createWithImage(env, s, cfg, f.Quiet)
	if err == nil {
		err = cid.write(info.ID)
		if err != nil {
			err = errors.Join(err, discard(env, s, info.ID))
		}
	}
	if err != nil {
		return info, errors.Join(err, cid.abandon())
	}
	return info, nil
}

// createWithImage tries what is in the store first: that costs a run of a
// known image nothing.
func createWithImage(env *command.Env, s *command.Services, cfg vzcontract.RunConfig, quiet bool) (vzcontract.ContainerInfo, error) {
	if s.Images == nil || cfg.Pull == vzcontract.PullNever {
		return s.Backend.Create(env.Ctx, cfg)
	}
	policy := cfg.Pull
	cfg.Pull = vzcontract.PullNever
	if policy != vzcontract.PullAlways {
		info, err := s.Backend.Create(env.Ctx, cfg)
		if err == nil || !errors.Is(err, vzcontract.ErrNotFound) {
			return info, err
		}
		if _, missing := s.Images.InspectImage(env.Ctx, cfg.Image); missing == nil && cfg.Platform == "" {
			return info, err // something else was not found
		}
	}
	if err := pull(env, s, cfg.Image, policy, cfg.Platform, quiet); err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	return s.Backend.Create(env.Ctx, cfg)
}

func pull(env *command.Env, s *command.Services, ref string, policy vzcontract.PullPolicy, platform string, quiet bool) error {
	display := progress.New(env, quiet)
	_, err := s.Images.PullImage(env.Ctx, ref, vzcontract.PullOptions{Policy: policy, Platform: platform, Progress: display.Update})
	display.Close()
	return err
}

// A cidFile is made before the container, so that a name in use is found while
// nothing has happened yet.
type cidFile struct{ f *os.File }

func openCIDFile(name string) (cidFile, error) {
	if name == "" {
		return cidFile{}, nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return cidFile{}, vzcontract.Errorf(vzcontract.ErrConflict,
			"--cidfile %s: the file exists; remove it, or is the other container still running?", name)
	}
	if err != nil {
		return cidFile{}, fmt.Errorf("--cidfile: %w", err)
	}
	return cidFile{f}, nil
}

func (c cidFile) write(id string) error {
	if c.f == nil {
		return nil
	}
	_, err := c.f.WriteString(id)
	return errors.Join(err, c.f.Close())
}

func (c cidFile) abandon() error {
	if c.f == nil {
		return nil
	}
	_ = c.f.Close() // closed already when the write failed
	return os.Remove(c.f.Name())
}
