package vzlinuxnative

import (
	"context"
	"errors"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/logfile"
)

// Logs implements vzcontract.Logger.
func (b *Backend) Logs(ctx context.Context, ref string, opts vzcontract.LogOptions, emit func(vzcontract.LogEntry) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	id, err := b.find("logs", ref)
	if err != nil {
		return err
	}
	c, err := b.truth(id)
	if err != nil {
		return failure("logs", ref, err)
	}
	if c.cfg.LogPath == "" {
		return failure("logs", ref, vzcontract.Errorf(vzcontract.ErrUnsupported, "the container has log driver none"))
	}
	var ended chan struct{}
	if opts.Follow {
		ended = make(chan struct{})
		wait, cancel := context.WithCancel(ctx)
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			if _, err := b.wait(wait, id, vzcontract.WaitNotRunning); err == nil || errors.Is(err, vzcontract.ErrNotFound) {
				close(ended)
			}
		}()
		defer func() { cancel(); <-stopped }()
	}
	err = logfile.Read(ctx, c.cfg.LogPath, opts, ended, emit)
	if ctx.Err() != nil && err != nil {
		return err
	}
	return err
}
