package libct

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/sirupsen/logrus"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/engine"
)

// Engine makes containers with libcontainer.
type Engine struct{}

var _ engine.Engine = (*Engine)(nil)

// New returns the engine. libcontainer's warnings, which it writes to stderr
// besides the errors that it returns, are turned off: stderr may be a user's
// terminal.
func New() *Engine {
	logrus.SetLevel(logrus.ErrorLevel)
	return &Engine{}
}

// Name is "libcontainer".
func (*Engine) Name() string { return "libcontainer" }

// Create implements engine.Engine.
func (*Engine) Create(ctx context.Context, req engine.CreateRequest) (engine.Container, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if req.Spec.Linux.Seccomp != nil && !seccomp.Enabled {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported,
			"seccomp: this vz was built without libseccomp: build it with -tags seccomp, or run with --security-opt seccomp=unconfined")
	}
	group, err := cgroup.At(req.Spec.Linux.CgroupsPath)
	if err != nil {
		return nil, err
	}
	if group.Exists() {
		return nil, vzcontract.Errorf(vzcontract.ErrConflict,
			"cgroup %s exists already: another container uses it, or vz doctor --repair removes it", group.Path())
	}
	pins, err := pinSources(req.StateDir, req.Spec)
	if err != nil {
		return nil, err
	}
	c, err := create(ctx, req, pins.spec, group)
	if rerr := pins.release(); rerr != nil {
		err = errors.Join(err, rerr)
		if c != nil {
			err = errors.Join(err, c.Destroy(context.WithoutCancel(ctx)))
		}
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// create makes the container of spec, which is req's with paths for sources.
func create(ctx context.Context, req engine.CreateRequest, spec *specs.Spec, group *cgroup.Group) (*container, error) {
	cfg, err := Config(req.ID, spec)
	if err != nil {
		return nil, err
	}
	lc, err := libcontainer.Create(req.StateDir, req.ID, cfg)
	if err != nil {
		return nil, fmt.Errorf("create container: %w", err)
	}
	c := &container{lc: lc, group: group, spec: spec}
	if err := c.create(ctx, req.Stdio); err != nil {
		return nil, errors.Join(err, c.Destroy(context.WithoutCancel(ctx)))
	}
	return c, nil
}

// Cleanup implements engine.Engine.
func (*Engine) Cleanup(_ context.Context, id, stateDir, cgroupsPath string) error {
	group, err := cgroup.At(cgroupsPath)
	if err != nil {
		return err
	}
	if err := group.Remove(); err != nil {
		return err
	}
	if err := unpin(stateDir); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(stateDir, id)); err != nil {
		return fmt.Errorf("remove engine state: %w", err)
	}
	return nil
}
