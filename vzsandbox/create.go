package vzsandbox

import (
	"context"
	"errors"
	"os"
	"time"

	"vz.internal/vzcontract"
)

// CreateOptions of [Host.Create].
type CreateOptions struct {
	// Name is that of the container; empty lets the backend choose one.
	Name    string
	Project *Project
	// Labels and Metadata are put over those of the template.
	Labels, Metadata map[string]string
}

// Create makes a sandbox and returns when commands can be run in it. A name in use is
// ErrConflict, a missing image ErrNotFound, a project outside of Options.Root ErrDenied,
// and what the backend cannot enforce ErrUnsupported. On error nothing is left. The
// caller removes it; Close only ends what its IdleTimeout means.
func (h *Host) Create(ctx context.Context, t Template, opts CreateOptions) (*Sandbox, error) {
	f, err := h.factsFor(t, opts)
	if err != nil {
		return nil, failure("create", opts.Name, err)
	}
	s, err := h.create(ctx, f, opts.Name)
	if err != nil {
		return nil, err
	}
	s.watchIdle()
	return s, nil
}

func (h *Host) factsFor(t Template, opts CreateOptions) (facts, error) {
	if err := errors.Join(t.Validate(), checkLabels(opts.Labels)); err != nil {
		return facts{}, err
	}
	p, err := h.resolve(opts.Project)
	if err != nil {
		return facts{}, err
	}
	t.Labels = merged(t.Labels, opts.Labels)
	return facts{Template: t, Project: p, Metadata: merged(t.Metadata, opts.Metadata)}, nil
}

// create makes and starts the container and copies the project.
func (h *Host) create(ctx context.Context, f facts, name string) (*Sandbox, error) {
	cfg, err := h.config(ctx, f, name)
	if err != nil {
		return nil, failure("create", name, err)
	}
	copied := f.Project != nil && f.Project.Copy
	if copied {
		if _, err := optional[vzcontract.Copier](h, "a copy of the project", vzcontract.FeatureCopy); err != nil {
			return nil, failure("create", name, err)
		}
	}
	done, err := h.records.creating()
	if err != nil {
		return nil, failure("create", name, err)
	}
	defer done()
	c, err := h.backend.Create(ctx, cfg)
	if errors.Is(err, vzcontract.ErrNotFound) && len(f.Template.Setup) > 0 {
		// What setup had found was removed at the same moment.
		if cfg, err = h.config(ctx, f, name); err != nil {
			return nil, failure("create", name, err)
		}
		c, err = h.backend.Create(ctx, cfg)
	}
	if errors.Is(err, vzcontract.ErrUnsupported) && f.Template.Limits.Pids == 0 {
		c, err = h.unlimited(ctx, &f, name, err)
	}
	if err != nil {
		return nil, err
	}
	s := h.sandbox(c, f)
	if err := s.begin(ctx, copied); err != nil {
		return nil, s.discard(ctx, err)
	}
	return s, nil
}

// unlimited makes the container without the default limit of processes, where that is what
// the backend cannot do, as without root it often cannot. Who asked for a limit gets that
// or the refusal, cause.
func (h *Host) unlimited(ctx context.Context, f *facts, name string, cause error) (c vzcontract.ContainerInfo, err error) {
	f.Unlimited = cause.Error()
	cfg, err := h.config(ctx, *f, name)
	if err != nil {
		return c, failure("create", name, err)
	}
	if c, err = h.backend.Create(ctx, cfg); errors.Is(err, vzcontract.ErrUnsupported) {
		return c, cause // of another reason
	}
	return c, err
}

// begin starts the container and copies the project into it.
func (s *Sandbox) begin(ctx context.Context, copied bool) error {
	if err := s.firstUse(); err != nil {
		return err
	}
	if copied {
		if err := s.unfinished(true); err != nil {
			return err
		}
	}
	if _, err := s.host.backend.Start(ctx, s.id, vzcontract.StartOptions{}); err != nil {
		return err
	}
	if !copied {
		return nil
	}
	if err := s.copyProject(ctx, s.facts.Project); err != nil {
		return err
	}
	return s.unfinished(false)
}

// firstUse makes the file whose time is that of the last use.
func (s *Sandbox) firstUse() error {
	err := s.host.records.makeDir()
	if err == nil {
		err = os.WriteFile(s.host.records.inUse(s.id), nil, 0o600)
	}
	if err == nil {
		touch(s.host.records.inUse(s.id))
	}
	return failure("create", s.name, err)
}

func (s *Sandbox) unfinished(yes bool) error {
	err := s.host.records.update(s.id, func(r *record) error { r.Unfinished = yes; return nil })
	return failure("create", s.name, err)
}

// cleanUpTime bounds what is done after a caller's context has ended.
const cleanUpTime = 30 * time.Second

// afterwards is a context for what must be done though ctx has ended.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
}

// discard removes a sandbox that nobody gets because of err, which it returns.
func (s *Sandbox) discard(ctx context.Context, err error) error {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	if removed := s.drop(ctx); !errors.Is(removed, vzcontract.ErrNotFound) {
		err = errors.Join(err, removed)
	}
	return err
}
