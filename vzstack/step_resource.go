package vzstack

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

func (r *runner) needNetworks() (vzcontract.Networks, error) {
	if r.networks == nil {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "networks: backend %s has none", r.cfg.Backend.BackendName())
	}
	return r.networks, nil
}

func (r *runner) createNetwork(ctx context.Context, s plan.Step) error {
	networks, err := r.needNetworks()
	if err != nil {
		return err
	}
	at := slices.IndexFunc(r.want.Networks, func(n plan.Network) bool { return n.Config.Name == s.Name })
	r.tell("Network", s.Name, "Creating")
	if _, err := networks.CreateNetwork(ctx, r.want.Networks[at].Config); err != nil {
		return err
	}
	r.tell("Network", s.Name, "Created")
	return nil
}

// removeNetwork leaves a network that others still use, and says so.
func (r *runner) removeNetwork(ctx context.Context, s plan.Step) error {
	networks, err := r.needNetworks()
	if err != nil {
		return err
	}
	r.tell("Network", s.Name, "Removing")
	err = networks.RemoveNetwork(ctx, s.Name)
	switch {
	case errors.Is(err, vzcontract.ErrConflict):
		r.cfg.Warn(fmt.Sprintf("network %s is still in use and stays: %v", s.Name, err))
		r.tell("Network", s.Name, "Resource is still in use")
		return nil
	case err != nil && !errors.Is(err, vzcontract.ErrNotFound):
		return err
	}
	r.tell("Network", s.Name, "Removed")
	return nil
}

func (r *runner) createVolume(ctx context.Context, s plan.Step) error {
	if r.Stack.volumes == nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "volumes: backend %s has none", r.cfg.Backend.BackendName())
	}
	at := slices.IndexFunc(r.want.Volumes, func(v plan.Volume) bool { return v.Config.Name == s.Name })
	r.tell("Volume", s.Name, "Creating")
	if _, err := r.Stack.volumes.CreateVolume(ctx, r.want.Volumes[at].Config); err != nil {
		return err
	}
	r.tell("Volume", s.Name, "Created")
	return nil
}

func (r *runner) removeVolume(ctx context.Context, s plan.Step) error {
	r.tell("Volume", s.Name, "Removing")
	err := r.Stack.volumes.RemoveVolume(ctx, s.Name, false)
	switch {
	case errors.Is(err, vzcontract.ErrConflict):
		r.cfg.Warn(fmt.Sprintf("volume %s is still in use and stays: %v", s.Name, err))
		r.tell("Volume", s.Name, "Resource is still in use")
		return nil
	case err != nil && !errors.Is(err, vzcontract.ErrNotFound):
		return err
	}
	r.tell("Volume", s.Name, "Removed")
	return nil
}

func (r *runner) removeImage(ctx context.Context, s plan.Step) error {
	if r.cfg.Images == nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "images: backend %s has no store", r.cfg.Backend.BackendName())
	}
	r.tell("Image", s.Name, "Removing")
	_, err := r.cfg.Images.RemoveImage(ctx, s.Name, vzcontract.RemoveImageOptions{})
	switch {
	case errors.Is(err, vzcontract.ErrConflict):
		r.cfg.Warn(fmt.Sprintf("image %s is still in use and stays: %v", s.Name, err))
		return nil
	case err != nil && !errors.Is(err, vzcontract.ErrNotFound):
		return err
	}
	r.tell("Image", s.Name, "Removed")
	return nil
}

// pullImage fetches the image of a service as its policy says.
func (s *Stack) pullImage(ctx context.Context, service *plan.Service) error {
	if s.cfg.Images == nil {
		return nil // Create does it
	}
	ref := service.Run.Image
	s.tell("Image", ref, "Pulling")
	_, err := s.cfg.Images.PullImage(ctx, ref, vzcontract.PullOptions{Policy: service.Run.Pull, Platform: service.Run.Platform})
	if err != nil {
		return fmt.Errorf("service %s: %w", service.Name, err)
	}
	s.tell("Image", ref, "Pulled")
	return nil
}
