package vzlinuxnative

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/filewatch"
)

var _ vzcontract.FileWatcher = (*Backend)(nil)

// WatchFiles implements vzcontract.FileWatcher.
func (b *Backend) WatchFiles(ctx context.Context, ref, path string, opts vzcontract.WatchOptions, emit func(vzcontract.FileEvent) error) error {
	const op = "watch files of"
	if err := vzcontract.CheckFilePath(path); err != nil {
		return failure(op, ref, err)
	}
	var root *os.File
	pidfd := -1
	err := b.settled(ctx, op, ref, func(c *container) (err error) {
		if c.st.State != vzcontract.StateRunning {
			return vzcontract.Errorf(vzcontract.ErrConflict, "the container is %s, not running", c.st.State)
		}
		if pidfd, err = c.process(); err != nil {
			return err
		}
		if root, err = rootOf(c.st.PID); err != nil {
			unix.Close(pidfd)
		}
		return err
	})
	if err != nil {
		return err
	}
	defer root.Close()
	watching, end := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if pollUntil(watching, pidfd) == nil {
			end(errJustStopped)
		}
	}()
	var told error // of emit, which is the caller's as it is
	err = filewatch.Watch(watching, filewatch.Options{Root: root, Path: path, Recursive: opts.Recursive}, func(e vzcontract.FileEvent) error {
		told = emit(e)
		return told
	})
	end(nil)
	<-ended
	unix.Close(pidfd)
	switch {
	case told != nil:
		return told
	case ctx.Err() != nil:
		return contextError(ctx)
	case errors.Is(err, errJustStopped):
		return nil
	}
	return failure(op, ref, err)
}
