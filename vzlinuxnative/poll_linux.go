package vzlinuxnative

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// pollUntil returns when one of the descriptors is readable, or ctx ends.
func pollUntil(ctx context.Context, fds ...int) error {
	end, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("wait: %w", err)
	}
	defer unix.Close(end)
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_, _ = unix.Write(end, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // an empty counter takes one
	})
	defer func() {
		if !stop() {
			<-stopped // before the descriptor is somebody else's
		}
	}()
	list := []unix.PollFd{{Fd: int32(end), Events: unix.POLLIN}}
	for _, fd := range fds {
		list = append(list, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	for {
		if _, err := unix.Poll(list, -1); err != nil {
			if errors.Is(err, unix.EINTR) {
				continue
			}
			return fmt.Errorf("wait: %w", err)
		}
		if ctx.Err() != nil {
			return contextError(ctx)
		}
		return nil
	}
}
