package vzstack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// StopOptions say how containers are stopped.
type StopOptions struct {
	// Grace replaces each container's own grace period.
	Grace *time.Duration
}

func (s *Stack) tell(kind, name, action string) {
	s.cfg.Progress(Progress{Kind: kind, Name: name, Action: action})
}

// create makes a container of a service.
func (r *runner) create(ctx context.Context, s plan.Step) error {
	r.tell("Container", s.Name, "Creating")
	service := r.want.Service(s.Service)
	cfg := service.Run
	cfg.Name = s.Name
	cfg.Labels = maps.Clone(cfg.Labels)
	cfg.Labels[plan.LabelNumber] = strconv.Itoa(s.Number)
	if s.As != "" {
		cfg.Name = s.As
		cfg.Labels[plan.LabelReplaces] = s.Replaces
	}
	if cfg.Pull == vzcontract.PullAlways && r.cfg.Images != nil {
		cfg.Pull = vzcontract.PullMissing // it was pulled before the plan was made
	}
	r.inherit(&cfg, s.Replaces)
	if _, err := r.cfg.Backend.Create(ctx, cfg); err != nil {
		return fmt.Errorf("service %s: %w", s.Service, err)
	}
	r.tell("Container", s.Name, "Created")
	return nil
}

// inherit gives a new container the anonymous volumes of the one it follows.
func (r *runner) inherit(cfg *vzcontract.RunConfig, id string) {
	at := slices.IndexFunc(r.have.Containers, func(c plan.Container) bool { return c.ID == id })
	if id == "" || at < 0 {
		return
	}
	old := r.have.Containers[at]
	inherited := strings.Split(old.Labels[plan.LabelAnonymous], ",")
	cfg.Mounts = slices.Clone(cfg.Mounts)
	var names []string
	for _, m := range old.Mounts {
		if m.Type != vzcontract.MountVolume || !m.Anonymous && !slices.Contains(inherited, m.Name) {
			continue
		}
		have := slices.IndexFunc(cfg.Mounts, func(n vzcontract.Mount) bool { return n.Target == m.Target })
		switch {
		case have < 0:
			cfg.Mounts = append(cfg.Mounts, vzcontract.Mount{Type: vzcontract.MountVolume, Source: m.Name, Target: m.Target})
		case cfg.Mounts[have].Type == vzcontract.MountVolume && cfg.Mounts[have].Source == "":
			cfg.Mounts[have].Source = m.Name
		default:
			continue // another mount took its place
		}
		names = append(names, m.Name)
	}
	if len(names) > 0 {
		cfg.Labels[plan.LabelAnonymous] = strings.Join(names, ",")
	}
}

// rename gives a container that has taken over its final name.
func (r *runner) rename(ctx context.Context, s plan.Step) error {
	ref := s.ID
	if ref == "" {
		ref = s.As
	}
	if r.renamer == nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "rename %s: backend %s cannot", s.As, r.cfg.Backend.BackendName())
	}
	return r.renamer.Rename(ctx, ref, s.Name)
}

// start runs a container and its post_start hooks.
func (r *runner) start(ctx context.Context, s plan.Step) error {
	r.tell("Container", s.Name, "Starting")
	if _, err := r.cfg.Backend.Start(ctx, s.Name, vzcontract.StartOptions{}); err != nil {
		return fmt.Errorf("service %s: %w", s.Service, err)
	}
	if r.started != nil {
		r.started(s)
	}
	for _, h := range r.want.Service(s.Service).PostStart {
		if err := r.hook(ctx, s.Name, h); err != nil {
			return fmt.Errorf("service %s hook %w: post_start %s", s.Service, err, strings.Join(h.Args, " "))
		}
	}
	r.tell("Container", s.Name, "Started")
	return nil
}

// hook runs a command in a container to its end.
func (s *Stack) hook(ctx context.Context, container string, h plan.Hook) error {
	var out strings.Builder
	session, err := s.cfg.Backend.Exec(ctx, container, vzcontract.ExecConfig{
		Args: h.Args, Env: h.Env, User: h.User, WorkingDir: h.WorkingDir, Privileged: h.Privileged,
		Stdio: vzcontract.Stdio{Out: io.Discard, Err: &out},
	})
	if err != nil {
		return err
	}
	status, err := session.Wait(ctx)
	if err != nil {
		return errors.Join(err, session.Cancel(context.WithoutCancel(ctx)))
	}
	if status.Code != 0 {
		return vzcontract.Errorf(vzcontract.ErrConflict, "exited with status %d%s", status.Code, tail(out.String()))
	}
	return nil
}

// tail gives the last line of what a program said, for an error.
func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return ": " + last
	}
	return ""
}

// stopContainer runs the pre_stop hooks and stops; one that is gone has stopped.
func (r *runner) stopContainer(ctx context.Context, s plan.Step) error {
	r.tell("Container", s.Name, "Stopping")
	r.preStop(ctx, s)
	err := r.cfg.Backend.Stop(ctx, s.ID, vzcontract.StopOptions{Grace: r.stop.Grace})
	if err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
		return err
	}
	r.tell("Container", s.Name, "Stopped")
	return nil
}

// preStop runs the hooks that the container's label has. What goes wrong in
// them does not keep it from stopping.
func (r *runner) preStop(ctx context.Context, s plan.Step) {
	at := slices.IndexFunc(r.have.Containers, func(c plan.Container) bool { return c.ID == s.ID })
	if at < 0 || r.have.Containers[at].Labels[plan.LabelPreStop] == "" || r.have.Containers[at].State != vzcontract.StateRunning {
		return
	}
	var hooks []plan.Hook
	err := json.Unmarshal([]byte(r.have.Containers[at].Labels[plan.LabelPreStop]), &hooks)
	for _, h := range hooks {
		if err == nil {
			err = r.hook(ctx, s.ID, h)
		}
	}
	if err != nil {
		r.cfg.Warn(fmt.Sprintf("container %s: pre_stop: %v", s.Name, err))
	}
}

// remove removes a container; one that is gone is removed.
func (r *runner) remove(ctx context.Context, s plan.Step) error {
	r.tell("Container", s.Name, "Removing")
	err := r.cfg.Backend.Remove(ctx, s.ID, vzcontract.RemoveOptions{Force: true, Volumes: r.volumes})
	if err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
		return err
	}
	if r.volumes {
		if err := r.removeInherited(ctx, s.ID); err != nil {
			return err
		}
	}
	r.tell("Container", s.Name, "Removed")
	return nil
}

// removeInherited removes the anonymous volumes that the container had taken
// over: to the backend they look like named ones.
func (r *runner) removeInherited(ctx context.Context, id string) error {
	at := slices.IndexFunc(r.have.Containers, func(c plan.Container) bool { return c.ID == id })
	if at < 0 || r.Stack.volumes == nil {
		return nil
	}
	var errs []error
	for name := range strings.SplitSeq(r.have.Containers[at].Labels[plan.LabelAnonymous], ",") {
		if name == "" {
			continue
		}
		err := r.Stack.volumes.RemoveVolume(ctx, name, false)
		if !errors.Is(err, vzcontract.ErrNotFound) && !errors.Is(err, vzcontract.ErrConflict) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
