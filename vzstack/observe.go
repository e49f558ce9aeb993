package vzstack

import (
	"context"
	"errors"
	"fmt"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// observe looks at what there is; d, where given, says which images matter.
func (s *Stack) observe(ctx context.Context, d *plan.Desired) (*plan.Observed, error) {
	o := &plan.Observed{
		Others: map[string]string{}, Networks: map[string]vzcontract.NetworkInfo{},
		Volumes: map[string]vzcontract.VolumeInfo{},
	}
	all, err := s.cfg.Backend.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, info := range all {
		if c, ok := plan.ContainerOf(info); ok {
			o.Containers = append(o.Containers, c)
		} else {
			o.Others[info.Name] = info.ID
		}
	}
	if s.networks != nil {
		networks, err := s.networks.ListNetworks(ctx)
		if err != nil {
			return nil, err
		}
		for _, n := range networks {
			o.Networks[n.Name] = n
		}
	}
	if s.volumes != nil {
		volumes, err := s.volumes.ListVolumes(ctx)
		if err != nil {
			return nil, err
		}
		for _, v := range volumes {
			o.Volumes[v.Name] = v
		}
	}
	if d == nil || s.cfg.Images == nil {
		return o, nil
	}
	o.Images = map[string]string{}
	for i := range d.Services {
		ref := d.Services[i].Run.Image
		if _, known := o.Images[ref]; known || ref == "" {
			continue
		}
		info, err := s.cfg.Images.InspectImage(ctx, ref)
		switch {
		case err == nil:
			o.Images[ref] = info.ID
		case !errors.Is(err, vzcontract.ErrNotFound):
			name := d.Services[i].Name
			return nil, &plan.PathError{Path: "services." + name + ".image", Err: fmt.Errorf("service %s: %w", name, err)}
		}
	}
	return o, nil
}

// Containers returns the project's containers, one-off ones too, by name.
func (s *Stack) Containers(ctx context.Context, project string) ([]plan.Container, error) {
	all, err := s.cfg.Backend.List(ctx)
	if err != nil {
		return nil, err
	}
	return sorted(all, project), nil
}
