package devenv

import (
	"context"
	"errors"

	"vz.internal/vzcontract"
)

// A Status is what there is of a project's environment.
type Status struct {
	Project string `json:"project"` // its directory
	Name    string `json:"name"`    // of the container
	// State is that of the container, or empty where there is none.
	State vzcontract.State `json:"state,omitempty"`
	// Changed: vz.json says something else than when it was made, so that the next
	// program makes it anew.
	Changed bool `json:"changed,omitempty"`
	// Image is the one of vz.json, RunsImage the container's: another one where
	// there are setup commands.
	Image     string `json:"image"`
	RunsImage string `json:"runsImage,omitempty"`
	Workspace string `json:"workspace"`
	User      string `json:"user"` // UID:GID of programs
	Backend   string `json:"backend,omitempty"`

	Ports []vzcontract.PublishedPort `json:"ports,omitempty"`
}

// Status looks at the environment and changes nothing.
func (m *Manager) Status(ctx context.Context, p Project) (Status, error) {
	s := Status{Project: p.Dir, Name: p.Name(), Image: p.File.Image, Workspace: p.File.Workspace, User: p.User()}
	c, err := m.find(ctx, p)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.State, s.RunsImage, s.Backend, s.Ports = c.State, c.Image, c.Backend, c.Ports
	cfg, err := p.config(m.Backend)
	s.Changed = err != nil || c.Labels[LabelDigest] != cfg.Labels[LabelDigest]
	return s, nil
}

// Stop stops the environment, with all that runs in it; the next program starts it
// again, its files as they were. Without one the error matches
// vzcontract.ErrNotFound.
func (m *Manager) Stop(ctx context.Context, p Project) error {
	c, unlock, err := m.take(ctx, p)
	if err != nil {
		return err
	}
	defer unlock()
	return m.Backend.Stop(ctx, c.ID, vzcontract.StopOptions{})
}

// Remove removes the environment. The outcome of its setup stays in the cache.
func (m *Manager) Remove(ctx context.Context, p Project) error {
	c, unlock, err := m.take(ctx, p)
	if err != nil {
		return err
	}
	defer unlock()
	return errors.Join(m.remove(ctx, c.ID), removeFile(m.logFile(p)))
}

// take finds the environment and keeps others from changing it.
func (m *Manager) take(ctx context.Context, p Project) (c vzcontract.ContainerInfo, unlock func(), err error) {
	if unlock, err = m.lock(ctx, p); err != nil {
		return c, nil, err
	}
	if c, err = m.find(ctx, p); err != nil {
		unlock()
		if errors.Is(err, vzcontract.ErrNotFound) {
			err = vzcontract.Errorf(vzcontract.ErrNotFound, "%s has no environment; vz dev run makes it", p.Dir)
		}
	}
	return c, unlock, err
}
