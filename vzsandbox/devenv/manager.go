package devenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox/internal/lock"
	"vz.internal/vzsandbox/setup"
)

// A Manager starts and stops environments. It may be used by several goroutines,
// and by several processes that share the backend's state and the directories.
type Manager struct {
	Backend vzcontract.RuntimeBackend
	// Home and Run are the directories of vz's state and of its runtime files. Logs
	// of setups are in Home/dev, locks in Run/dev and Run/setup.
	Home, Run string
	// Tell gets lines for people; nil discards them.
	Tell func(line string)
	// Output gets what setup commands write; nil discards it.
	Output io.Writer
	// Progress, when set, is that of the image's pull.
	Progress func(vzcontract.PullProgress)
}

func (m *Manager) tell(format string, args ...any) {
	if m.Tell != nil {
		m.Tell(fmt.Sprintf(format, args...))
	}
}

// Ensure returns the project's environment, running: the one that is there, or a
// new one where there is none or vz.json says something else than when it was made.
// Those who call it at the same time get the same one. A setup that fails leaves
// the environment as it was.
func (m *Manager) Ensure(ctx context.Context, p Project) (vzcontract.ContainerInfo, error) {
	cfg, err := p.config(m.Backend)
	if err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	if c, err := m.find(ctx, p); err == nil && usable(c, cfg) {
		return c, nil
	}
	unlock, err := m.lock(ctx, p)
	if err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	defer unlock()
	c, err := m.find(ctx, p)
	switch {
	case errors.Is(err, vzcontract.ErrNotFound):
		return m.create(ctx, p, cfg, false)
	case err != nil:
		return c, err
	case usable(c, cfg):
		return c, nil
	case c.Labels[LabelDigest] != cfg.Labels[LabelDigest], c.StartedAt.IsZero(): // its maker was killed
		return m.create(ctx, p, cfg, false)
	}
	if c.Orphaned {
		if err := m.Backend.Stop(ctx, c.ID, vzcontract.StopOptions{}); err != nil {
			return c, err
		}
	}
	if _, err := m.Backend.Start(ctx, c.ID, vzcontract.StartOptions{}); err != nil {
		return c, err
	}
	return m.Backend.Inspect(ctx, c.ID)
}

// Renew throws the environment and the cached outcome of its setup away and makes
// both again.
func (m *Manager) Renew(ctx context.Context, p Project) (vzcontract.ContainerInfo, error) {
	cfg, err := p.config(m.Backend)
	if err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	unlock, err := m.lock(ctx, p)
	if err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	defer unlock()
	old, err := m.find(ctx, p)
	if err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
		return vzcontract.ContainerInfo{}, err
	}
	c, err := m.create(ctx, p, cfg, true)
	if err != nil || old.ImageID == "" {
		return c, err
	}
	return c, m.discard(ctx, old.ImageID)
}

// discard removes the outcome of a setup that another one has replaced, unless
// another environment uses it.
func (m *Manager) discard(ctx context.Context, imageID string) error {
	images, ok := m.Backend.(vzcontract.Images)
	if !ok {
		return nil
	}
	info, err := images.InspectImage(ctx, imageID)
	if err == nil && len(info.References) == 0 && info.Config.Labels[setup.Label] != "" {
		_, err = images.RemoveImage(ctx, imageID, vzcontract.RemoveImageOptions{})
	}
	if errors.Is(err, vzcontract.ErrNotFound) || errors.Is(err, vzcontract.ErrConflict) {
		return nil
	}
	return err
}

// usable reports whether programs can be run in c.
func usable(c vzcontract.ContainerInfo, want vzcontract.RunConfig) bool {
	return c.State == vzcontract.StateRunning && !c.Orphaned && c.Labels[LabelDigest] == want.Labels[LabelDigest]
}

// changed says why c is not what is wanted.
func (m *Manager) changed(c vzcontract.ContainerInfo, want vzcontract.RunConfig) string {
	switch {
	case c.Labels[labelInode] != want.Labels[labelInode]:
		return want.Labels[LabelProject] + " is another directory than before"
	case c.Backend != m.Backend.BackendName():
		return "backend " + m.Backend.BackendName() + " is asked for, not " + c.Backend
	}
	return "vz.json has changed"
}

// ending tells of the programs that run in an environment that goes.
func (m *Manager) ending(ctx context.Context, c vzcontract.ContainerInfo) string {
	top, ok := m.Backend.(vzcontract.Topper)
	if !ok || c.State != vzcontract.StateRunning {
		return ""
	}
	all, err := top.Top(ctx, c.ID)
	if err != nil || len(all) < 2 { // process 1 is nobody's
		return ""
	}
	return fmt.Sprintf(", what runs in it ends (%s)", strings.Join(all[1].Args, " "))
}

// find returns the project's container.
func (m *Manager) find(ctx context.Context, p Project) (vzcontract.ContainerInfo, error) {
	c, err := m.Backend.Inspect(ctx, p.Name())
	if err == nil && c.Config.Labels[LabelProject] != p.Dir {
		return c, vzcontract.Errorf(vzcontract.ErrConflict, "container %s is no environment of %s: rename or remove it", c.Name, p.Dir)
	}
	return c, err
}

func (m *Manager) lock(ctx context.Context, p Project) (unlock func(), err error) {
	return lock.Take(ctx, filepath.Join(m.Run, "dev", p.Name()+".lock"), func() {
		m.tell("another vz dev is making the environment: waiting for it")
	})
}

// create makes the environment in place of the one that is there.
func (m *Manager) create(ctx context.Context, p Project, cfg vzcontract.RunConfig, again bool) (c vzcontract.ContainerInfo, err error) {
	for try := 0; ; try++ {
		if cfg.Image, err = m.setup(ctx, p, again); err != nil {
			return c, err
		}
		if err := m.removeOld(ctx, p, cfg); err != nil {
			return c, err
		}
		c, err = m.Backend.Create(ctx, cfg)
		if !errors.Is(err, vzcontract.ErrNotFound) || try > 0 {
			break // not pruned just now
		}
	}
	if err != nil {
		return c, err
	}
	if err = m.addUser(ctx, c.ID, p); err == nil {
		_, err = m.Backend.Start(ctx, c.ID, vzcontract.StartOptions{})
	}
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return c, errors.Join(err, m.remove(ctx, c.ID))
	}
	return m.Backend.Inspect(ctx, c.ID)
}

// setup returns the image in which the setup commands have run, and keeps what
// they write in the project's log.
func (m *Manager) setup(ctx context.Context, p Project, again bool) (ref string, err error) {
	log, err := openLog(m.logFile(p))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	ran := false
	ref, err = setup.Image(ctx, m.Backend, setup.Request{
		Image: p.File.Image, Commands: p.File.Setup, Env: p.env(), User: "0:0", Again: again,
		Locks: filepath.Join(m.Run, "setup"), Output: log.with(m.Output), Progress: m.Progress,
		Step: func(n int, command string) {
			if n == 0 {
				m.tell("the same setup runs elsewhere: waiting for it")
				return
			}
			ran = true
			line := fmt.Sprintf("setup %d/%d: %s", n, len(p.File.Setup), command)
			m.tell("%s", line)
			fmt.Fprintln(log, line)
		},
	})
	switch {
	case err != nil:
		fmt.Fprintln(log, err)
	case !ran && len(p.File.Setup) > 0:
		fmt.Fprintln(log, "setup: taken from the cache, "+ref)
	}
	return ref, err
}

// removeOld removes the project's container, and that of the same directory from
// when it was somewhere else.
func (m *Manager) removeOld(ctx context.Context, p Project, cfg vzcontract.RunConfig) error {
	all, err := m.Backend.List(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		labels := c.Config.Labels
		dir := labels[LabelProject]
		switch {
		case c.Name == p.Name() && dir == p.Dir:
			if labels[LabelDigest] != cfg.Labels[LabelDigest] {
				m.tell("%s: the environment is made anew%s", m.changed(c, cfg), m.ending(ctx, c))
			}
		case dir != "" && labels[labelInode] == p.inode.String() && !exists(dir):
			m.tell("%s was %s before: its environment there is removed", p.Dir, dir)
			if err := removeFile(m.logFile(Project{Dir: dir})); err != nil {
				return err
			}
		default:
			continue
		}
		if err := m.remove(ctx, c.ID); err != nil {
			return err
		}
	}
	return nil
}

func exists(dir string) bool {
	_, err := os.Lstat(dir)
	return !errors.Is(err, os.ErrNotExist)
}

func (m *Manager) remove(ctx context.Context, id string) error {
	err := m.Backend.Remove(ctx, id, vzcontract.RemoveOptions{Force: true, Volumes: true})
	if errors.Is(err, vzcontract.ErrNotFound) {
		return nil
	}
	return err
}
