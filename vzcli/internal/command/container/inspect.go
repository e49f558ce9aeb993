package container

import (
	"errors"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/inspect"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type inspectCmd struct {
	Names  []string `arg:"" name:"name" help:"Containers, images, volumes or networks."`
	Format string   `short:"f" placeholder:"FORMAT" help:"json or a Go template."`
	Size   bool     `short:"s" help:"Show what a container's files take."`
	Type   string   `placeholder:"TYPE" help:"Only container, image, volume or network."`
}

// Run implements command.Verb.
func (c *inspectCmd) Run(env *command.Env) error {
	switch c.Type {
	case "", "container", "image", "volume", "network":
	default:
		return command.Usagef("--type %s: want container, image, volume or network", c.Type)
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	var found []any
	var errs []error
	for _, name := range c.Names {
		document, err := c.find(env, s, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, document)
	}
	return errors.Join(output.Inspected(env.Stdout, c.Format, found), errors.Join(errs...))
}

// inspectContainers knows containers only: an image of the name is none.
type inspectContainers struct {
	Containers []string `arg:"" name:"container" help:"Containers."`
	Format     string   `short:"f" placeholder:"FORMAT" help:"json or a Go template."`
	Size       bool     `short:"s" help:"Show what the containers' files take."`
}

// Run implements command.Verb.
func (c *inspectContainers) Run(env *command.Env) error {
	return (&inspectCmd{Names: c.Containers, Format: c.Format, Size: c.Size, Type: "container"}).Run(env)
}

// container is the document of a container. Others that it shares namespaces
// with are named by their ids, as docker does.
func (c *inspectCmd) container(env *command.Env, s *command.Services, info vzcontract.ContainerInfo) (any, error) {
	ns := &info.Config.Namespaces
	for _, mode := range []*string{&info.Config.NetworkMode, &ns.PID, &ns.IPC} {
		if name, ok := strings.CutPrefix(*mode, "container:"); ok {
			if other, err := s.Backend.Inspect(env.Ctx, name); err == nil { // else it is gone, and its name is all there is
				*mode = "container:" + other.ID
			}
		}
	}
	document := inspect.OfContainer(info)
	if c.Size {
		z, known, err := measure(env, s, info)
		if err != nil {
			return nil, err
		}
		if known {
			document.SizeRw, document.SizeRootFs = &z.own, &z.all
		}
	}
	return document, nil
}

// find looks through the kinds in docker's order.
func (c *inspectCmd) find(env *command.Env, s *command.Services, name string) (any, error) {
	for _, kind := range []struct {
		name string
		look func() (any, error)
	}{
		{"container", func() (any, error) {
			info, err := s.Backend.Inspect(env.Ctx, name)
			if err != nil {
				return nil, err
			}
			return c.container(env, s, info)
		}},
		{"image", func() (any, error) {
			info, err := s.Images.InspectImage(env.Ctx, name)
			return inspect.OfImage(info), err
		}},
		{"network", func() (any, error) { return inspectNetwork(env, s, name) }},
		{"volume", func() (any, error) {
			volumes, err := command.Need[vzcontract.Volumes](s, vzcontract.FeatureVolumes)
			if err != nil {
				return nil, err
			}
			info, err := volumes.InspectVolume(env.Ctx, name)
			return inspect.OfVolume(info), err
		}},
	} {
		if c.Type != "" && c.Type != kind.name {
			continue
		}
		document, err := kind.look()
		if err == nil {
			return document, nil
		}
		unknown := errors.Is(err, vzcontract.ErrNotFound) || errors.Is(err, vzcontract.ErrUnsupported) || errors.Is(err, vzcontract.ErrValidation)
		if c.Type != "" || !unknown {
			return nil, err
		}
	}
	return nil, &vzcontract.Error{Op: "inspect", Name: name, Class: vzcontract.ErrNotFound, Err: errors.New("no container, image, network or volume has this name")}
}

func inspectNetwork(env *command.Env, s *command.Services, name string) (any, error) {
	networks, err := command.Need[vzcontract.Networks](s, vzcontract.FeatureNetworks)
	if err != nil {
		return nil, err
	}
	info, err := networks.InspectNetwork(env.Ctx, name)
	if err != nil {
		return nil, err
	}
	return inspect.OfNetwork(info, command.ContainerNames(env.Ctx, s)), nil
}
