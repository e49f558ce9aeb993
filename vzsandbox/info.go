package vzsandbox

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"time"

	"vz.internal/vzcontract"
)

// Info is what is known of a sandbox.
type Info struct {
	ID    string                  `json:"id"` // that of its container
	Name  string                  `json:"name"`
	State vzcontract.SandboxState `json:"state"`
	// Reason says why the state is failed or creating, where that is known.
	Reason string `json:"reason,omitempty"`
	// Paused: its processes are frozen; the state is ready.
	Paused bool `json:"paused,omitempty"`
	// Template is what it was made from.
	Template Template `json:"template"`
	// Image is the reference that it runs: the template's, or what setup made of it.
	Image     string            `json:"image,omitempty"`
	ImageID   string            `json:"imageID,omitempty"`
	Workspace string            `json:"workspace"`
	Project   *Project          `json:"project,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	CreatedAt time.Time         `json:"createdAt"`
	// LastUsed is when a command or a transfer of files last began or ended.
	LastUsed time.Time `json:"lastUsed,omitzero"`
	// ExpiresAt is when the TTL ends; zero is never.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// Unlimited says why the default limit of processes is not there, where the backend
	// has none for this user.
	Unlimited string `json:"unlimited,omitempty"`
	// Pool made it; Taken tells whether the pool has handed it out.
	Pool  string `json:"pool,omitempty"`
	Taken bool   `json:"taken,omitempty"`
	// Snapshots are in the order in which they were made. Base is the one that the
	// files come from; Origin that of another sandbox which this is a fork of.
	Snapshots []Snapshot `json:"snapshots,omitempty"`
	Base      string     `json:"base,omitempty"`
	Origin    *Origin    `json:"origin,omitempty"`
}

// info is a container and its record as one. With an error of the record the rest is
// there all the same.
func (h *Host) info(c vzcontract.ContainerInfo, f facts) (Info, error) {
	rec, err := h.records.read(c.ID)
	info := Info{
		ID: c.ID, Name: c.Name, Template: f.Template, Image: c.Image, ImageID: c.ImageID, Workspace: f.Template.workspace(),
		Project: f.Project, Labels: merged(f.Template.Labels, rec.Labels), Metadata: merged(f.Metadata, rec.Metadata),
		CreatedAt: c.CreatedAt, ExpiresAt: rec.Expires, Paused: c.State == vzcontract.StatePaused, Taken: rec.Taken,
		Snapshots: rec.Snapshots, Base: rec.Base, Origin: rec.Origin, Unlimited: f.Unlimited,
	}
	if rec.Project != nil {
		info.Project = rec.Project
	}
	if f.Pool != nil && !rec.Kept {
		info.Pool = f.Pool.Name
	}
	if ttl := c.Config.Timeout; ttl > 0 && !c.StartedAt.IsZero() {
		info.ExpiresAt = c.StartedAt.Add(ttl)
	}
	info.State, info.Reason = stateOf(c, rec)
	st, statErr := os.Stat(h.records.inUse(c.ID))
	switch {
	case statErr == nil:
		info.LastUsed = st.ModTime()
	case !errors.Is(statErr, fs.ErrNotExist):
		err = errors.Join(err, statErr)
	}
	return info, failure("inspect", c.Name, err)
}

// stateOf derives a sandbox's state from its container's and its record.
func stateOf(c vzcontract.ContainerInfo, rec record) (state vzcontract.SandboxState, reason string) {
	switch {
	case rec.Draining:
		return vzcontract.SandboxDraining, ""
	case c.Error != "":
		return vzcontract.SandboxFailed, c.Error
	case rec.Restoring != "":
		return vzcontract.SandboxCreating, "a restore of snapshot " + rec.Restoring + " is under way, or was interrupted: restore it again"
	case c.State == vzcontract.StateCreated:
		return vzcontract.SandboxCreating, ""
	case c.State == vzcontract.StateStopped && c.Exit != nil && c.Exit.Unknown:
		return vzcontract.SandboxFailed, "its monitor was killed"
	case c.State == vzcontract.StateStopped || c.State == vzcontract.StateRemoved:
		return vzcontract.SandboxTerminated, ""
	case rec.Unfinished:
		return vzcontract.SandboxCreating, "files are being copied into it, or that was interrupted: remove it then"
	}
	return vzcontract.SandboxReady, ""
}

// merged is a with b over it; nil where both are empty.
func merged(a, b map[string]string) map[string]string {
	if len(a)+len(b) == 0 {
		return nil
	}
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return all
}

// Info returns the present truth. With a damaged record the error says so, and the rest
// is right; see [Host.List].
func (s *Sandbox) Info(ctx context.Context) (Info, error) {
	c, err := s.host.backend.Inspect(ctx, s.id)
	if err != nil {
		return Info{}, err
	}
	return s.host.info(c, s.facts)
}
