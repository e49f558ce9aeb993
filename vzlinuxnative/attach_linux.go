package vzlinuxnative

import (
	"context"
	"errors"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/wire"
)

// Attach implements vzcontract.Lifecycle.
func (b *Backend) Attach(ctx context.Context, ref string, opts vzcontract.AttachOptions) (vzcontract.Attachment, error) {
	id, err := b.running(ctx, "attach", ref)
	if err != nil {
		return nil, err
	}
	a, err := b.request(ctx, id, &wire.Message{Op: wire.Attach}, &opts)
	if errors.Is(err, wire.ErrGone) {
		err = vzcontract.Errorf(vzcontract.ErrConflict, "the container has just stopped")
	}
	if err != nil {
		return nil, failure("attach", ref, err)
	}
	return a, nil
}

// Exec implements vzcontract.Execer.
func (b *Backend) Exec(ctx context.Context, ref string, cfg vzcontract.ExecConfig) (vzcontract.ExecSession, error) {
	id, err := b.running(ctx, "exec", ref)
	if err != nil {
		return nil, err
	}
	stdio := cfg.Stdio
	if cfg.Detach {
		stdio = vzcontract.Stdio{}
	}
	if cfg.TTY {
		stdio.Err = nil
	}
	a, err := b.request(ctx, id, &wire.Message{Op: wire.Exec, Exec: &cfg}, &vzcontract.AttachOptions{Stdio: stdio, Size: cfg.Size})
	if errors.Is(err, wire.ErrGone) {
		err = vzcontract.Errorf(vzcontract.ErrConflict, "the container has just stopped")
	}
	if err != nil {
		return nil, failure("exec", ref, err)
	}
	return &session{a}, nil
}

// running returns the id of a container that has a monitor and runs.
func (b *Backend) running(ctx context.Context, op, ref string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	id, err := b.find(op, ref)
	if err != nil {
		return "", err
	}
	c, err := b.truth(id)
	switch {
	case err != nil:
	case c.st.State != vzcontract.StateRunning:
		err = vzcontract.Errorf(vzcontract.ErrConflict, "the container is %s, not running", c.st.State)
	case c.orphaned:
		err = errOrphaned
	}
	return id, failure(op, ref, err)
}

// A session is a running exec.
type session struct{ *attachment }

var _ vzcontract.ExecSession = (*session)(nil)

// ID implements vzcontract.ExecSession.
func (s *session) ID() string { return s.id }

// Cancel implements vzcontract.ExecSession.
func (s *session) Cancel(ctx context.Context) error {
	select {
	case <-s.done:
		return nil
	default:
	}
	_, err := s.call(ctx, &wire.Message{Op: wire.Cancel})
	if err != nil && ctx.Err() != nil {
		return err
	}
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}
