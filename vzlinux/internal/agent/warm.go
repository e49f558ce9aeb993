package agent

import (
	"context"
	"fmt"

	"vz.internal/vzcontract"
)

// A warmer is a backend that does ahead of time what every start of a container needs.
type warmer interface {
	Warm()
	AwaitWarm() error
}

// warm has a container run and removes it, which leaves networks and the kernel's caches
// behind, and the backend be ready for the next one.
func warm(ctx context.Context, b vzcontract.RuntimeBackend, w warmer, networkMode string) error {
	if err := rehearse(ctx, b, networkMode); err != nil {
		return fmt.Errorf("rehearse a container: %w", err)
	}
	w.Warm()
	return w.AwaitWarm()
}

// rehearse runs the only program that the guest has, as a monitor that complains that it
// has nothing to do.
func rehearse(ctx context.Context, b vzcontract.RuntimeBackend, networkMode string) error {
	info, err := b.Create(ctx, vzcontract.RunConfig{Rootfs: "/", NetworkMode: networkMode, Args: []string{"/init", "internal", "monitor"}})
	if err != nil {
		return err
	}
	if _, err := b.Start(ctx, info.ID, vzcontract.StartOptions{}); err != nil {
		return err
	}
	if _, err := b.Wait(ctx, info.ID, vzcontract.WaitNotRunning); err != nil {
		return err
	}
	return b.Remove(ctx, info.ID, vzcontract.RemoveOptions{Force: true})
}
