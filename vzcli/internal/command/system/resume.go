package system

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// resumeAtOnce bounds the containers that start side by side.
const resumeAtOnce = 8

type resume struct {
	NoStacks bool `help:"Leave Compose projects alone."`
}

// Run implements command.Verb. First come the containers that stand alone, then
// the projects, then what uses the namespaces of another container.
func (c *resume) Run(env *command.Env) error {
	s, err := env.Services()
	if err != nil {
		return err
	}
	if env.Checks != nil {
		// What it cannot put right stands in the way of a start, which says so.
		if _, err := env.Checks.Repair(env); err != nil {
			fmt.Fprintf(env.Stderr, "vz: warning: repair: %v\n", err)
		}
	}
	all, err := s.Backend.List(env.Ctx)
	if err != nil {
		return err
	}
	var alone, sharing []vzcontract.ContainerInfo
	stacks := false
	for _, info := range all {
		switch {
		case inProject(info):
			stacks = true
		case !shouldRun(info):
		case sharesWithContainer(info.Config):
			sharing = append(sharing, info)
		default:
			alone = append(alone, info)
		}
	}
	errs := []error{startAll(env, s, alone, resumeAtOnce)}
	if stacks && !c.NoStacks {
		errs = append(errs, resumeStacks(env, s))
	}
	return errors.Join(append(errs, startAll(env, s, sharing, 1))...)
}

// inProject reports whether the container is a service's, which its project
// brings back.
func inProject(info vzcontract.ContainerInfo) bool {
	c, ok := plan.ContainerOf(info)
	return ok && !c.OneOff
}

// shouldRun reports whether a container is down that its restart policy would
// have kept up.
func shouldRun(info vzcontract.ContainerInfo) bool {
	if info.State != vzcontract.StateStopped || info.Restarting || info.StopAsked {
		return false
	}
	switch info.Config.Restart.Mode {
	case vzcontract.RestartAlways, vzcontract.RestartUnlessStopped:
		return true
	case vzcontract.RestartOnFailure:
		return info.Exit != nil && info.Exit.Unknown // it was running
	}
	return false
}

// sharesWithContainer reports whether another container must run first.
func sharesWithContainer(cfg vzcontract.RunConfig) bool {
	return slices.ContainsFunc([]string{cfg.NetworkMode, cfg.Namespaces.PID, cfg.Namespaces.IPC}, func(mode string) bool {
		return strings.HasPrefix(mode, "container:")
	})
}

// startAll starts containers in the order in which they were made, so many at
// once, and prints their names. One that cannot start does not hold up the others.
func startAll(env *command.Env, s *command.Services, all []vzcontract.ContainerInfo, atOnce int) error {
	slices.SortFunc(all, func(a, b vzcontract.ContainerInfo) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	errs := make([]error, len(all))
	slots := make(chan struct{}, atOnce)
	var group sync.WaitGroup
	for i, info := range all {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			_, errs[i] = s.Backend.Start(env.Ctx, info.ID, vzcontract.StartOptions{})
		})
	}
	group.Wait()
	for i, info := range all {
		if errs[i] == nil {
			errs[i] = command.PrintLine(env, info.Name)
		}
	}
	return errors.Join(errs...)
}

// resumeStacks has the companion bring back the projects.
func resumeStacks(env *command.Env, s *command.Services) error {
	path, ok := command.Companion("vz-stack")
	if !ok {
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "resume stacks: vz-stack is not beside vz or in $VZ_LIBEXEC; build it with `make build`")
	}
	cmd := exec.CommandContext(env.Ctx, path, "resume")
	cmd.Env = append(os.Environ(), "VZ_HOME="+s.Home, "VZ_RUN="+s.Run)
	if b := env.Globals.Backend; b != "" {
		cmd.Env = append(cmd.Env, "VZ_BACKEND="+b)
	}
	cmd.Stdout, cmd.Stderr = env.Stdout, env.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("resume stacks: %w", err)
	}
	return nil
}
