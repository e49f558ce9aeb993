package vzsandbox

import (
	"context"
	"slices"
	"time"

	"vz.internal/vzcontract"
)

// A Snapshot is a saved state of a sandbox's files. It goes with the sandbox.
type Snapshot struct {
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
	// Parent is the snapshot that the sandbox's files came from when this one was
	// made; empty is the image.
	Parent string `json:"parent,omitempty"`
	// Pending: it is being made, or that was interrupted; it may not exist.
	Pending bool `json:"pending,omitempty"`
}

// An Origin says where a fork comes from.
type Origin struct {
	ID       string `json:"id"` // of the sandbox
	Name     string `json:"name"`
	Snapshot string `json:"snapshot"`
}

func (s *Sandbox) checkpointer(op string) (vzcontract.Checkpointer, error) {
	c, err := optional[vzcontract.Checkpointer](s.host, "snapshots", vzcontract.FeatureCheckpoint)
	return c, failure(op, s.name, err)
}

// Snapshot saves the files of the sandbox's root under a name; [a-zA-Z0-9_.-] are
// allowed. Programs go on; they are frozen meanwhile. Mounted projects are not part of
// it, nor is memory. A name in use is ErrConflict. Without AbilitySnapshots it is
// ErrUnsupported, as are Restore and Fork.
func (s *Sandbox) Snapshot(ctx context.Context, name string) error {
	c, err := s.checkpointer("snapshot")
	if err != nil {
		return err
	}
	done, err := s.use(ctx)
	if err != nil {
		return err
	}
	defer done()
	err = s.host.records.update(s.id, func(r *record) error {
		if at := r.snapshot(name); at >= 0 {
			if r.Snapshots[at].Pending {
				return vzcontract.Errorf(vzcontract.ErrConflict,
					"a snapshot %s is being made, or that was interrupted, and then it may exist: choose another name", name)
			}
			return vzcontract.Errorf(vzcontract.ErrConflict, "the snapshot %s exists", name)
		}
		r.Snapshots = append(r.Snapshots, Snapshot{Name: name, CreatedAt: time.Now().UTC(), Parent: r.Base, Pending: true})
		return nil
	})
	if err != nil {
		return failure("snapshot", s.name, err)
	}
	made := c.Checkpoint(ctx, s.id, name, vzcontract.CheckpointFiles)
	err = s.host.records.update(s.id, func(r *record) error {
		at := r.snapshot(name)
		switch {
		case at < 0: // its record was damaged and is a new one
		case made != nil:
			r.Snapshots = slices.Delete(r.Snapshots, at, at+1)
		default:
			r.Snapshots[at].Pending, r.Base = false, name
		}
		return nil
	})
	if made != nil {
		return made
	}
	return failure("snapshot", s.name, err)
}

func (r *record) snapshot(name string) int {
	return slices.IndexFunc(r.Snapshots, func(s Snapshot) bool { return s.Name == name })
}

// Restore brings the files back to a snapshot: programs are killed, files put back, and
// the sandbox is ready again, with its project mounted. None of that name is
// ErrNotFound, before anything is killed. A restore that was interrupted can be begun
// again. A TTL counts anew.
func (s *Sandbox) Restore(ctx context.Context, name string) error {
	done, err := s.use(ctx)
	if err != nil {
		return err
	}
	defer done()
	return s.restore(ctx, name, func() error { return nil })
}

// restore calls stopped while nothing runs.
func (s *Sandbox) restore(ctx context.Context, name string, stopped func() error) error {
	c, err := s.checkpointer("restore")
	if err != nil {
		return err
	}
	err = s.host.records.update(s.id, func(r *record) error {
		if r.snapshot(name) < 0 {
			return vzcontract.Errorf(vzcontract.ErrNotFound, "no such snapshot: %s", name)
		}
		r.Restoring = name
		return nil
	})
	if err != nil {
		return failure("restore", s.name, err)
	}
	if err := s.host.backend.Stop(ctx, s.id, vzcontract.StopOptions{Signal: "KILL"}); err != nil {
		return err
	}
	if err := stopped(); err != nil {
		return err
	}
	if err := c.Restore(ctx, s.id, name); err != nil {
		return err
	}
	if _, err := s.host.backend.Start(ctx, s.id, vzcontract.StartOptions{}); err != nil {
		return err
	}
	rec, err := s.host.records.read(s.id)
	if err != nil {
		return failure("restore", s.name, err)
	}
	if p := rec.Project; p != nil && !p.Copy {
		if err := s.addMount(ctx, p); err != nil {
			return err
		}
	}
	err = s.host.records.update(s.id, func(r *record) error {
		r.Restoring, r.Base = "", name
		return nil
	})
	return failure("restore", s.name, err)
}

// addMount mounts a project in the running sandbox, unless it is mounted there.
func (s *Sandbox) addMount(ctx context.Context, p *Project) error {
	m, err := optional[vzcontract.Mounter](s.host, "a project that is mounted", vzcontract.FeatureMount)
	if err != nil {
		return failure("mount project in", s.name, err)
	}
	c, err := s.host.backend.Inspect(ctx, s.id)
	if err != nil {
		return err
	}
	want := p.mount(s.Workspace())
	if slices.ContainsFunc(c.Mounts, func(m vzcontract.MountInfo) bool {
		return m.Target == want.Target && m.Source == want.Source && m.ReadOnly == want.ReadOnly
	}) {
		return nil // a restart has kept it
	}
	return m.AddMount(ctx, s.id, want)
}

// Fork makes a new sandbox of a snapshot; an empty name lets the backend choose one. It
// has the same template and project; one that is mounted is the same directory. It is
// nobody's pool's. On error nothing is left.
func (s *Sandbox) Fork(ctx context.Context, snapshot, newName string) (*Sandbox, error) {
	c, err := s.checkpointer("fork")
	if err != nil {
		return nil, err
	}
	done, err := s.use(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	from, err := s.host.records.read(s.id)
	if err != nil {
		return nil, failure("fork", s.name, err)
	}
	made, err := s.host.records.creating()
	if err != nil {
		return nil, failure("fork", s.name, err)
	}
	defer made()
	info, err := c.Fork(ctx, s.id, snapshot, newName)
	if err != nil {
		return nil, err
	}
	fork := s.host.sandbox(info, s.facts)
	if err := fork.beginFork(ctx, from, Origin{ID: s.id, Name: s.name, Snapshot: snapshot}); err != nil {
		return nil, fork.discard(ctx, err)
	}
	fork.watchIdle()
	fork.watchTTL()
	return fork, nil
}

// beginFork starts a fork that takes over what its origin's record has.
func (s *Sandbox) beginFork(ctx context.Context, from record, origin Origin) error {
	if err := s.firstUse(); err != nil {
		return err
	}
	err := s.host.records.update(s.id, func(r *record) error {
		r.Origin, r.Kept = &origin, true
		r.Project, r.Labels, r.Metadata = from.Project, from.Labels, from.Metadata
		if ttl := s.facts.Template.TTL; ttl > 0 && s.facts.Pool != nil {
			r.Expires = time.Now().Add(ttl).UTC()
		}
		return nil
	})
	if err != nil {
		return failure("fork", s.name, err)
	}
	if _, err := s.host.backend.Start(ctx, s.id, vzcontract.StartOptions{}); err != nil {
		return err
	}
	if from.Project != nil && !from.Project.Copy {
		return s.addMount(ctx, from.Project)
	}
	return nil
}
