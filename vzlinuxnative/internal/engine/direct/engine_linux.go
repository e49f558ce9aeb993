package direct

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/opencontainers/cgroups"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/engine/libct"
	"vz.internal/vzlinuxnative/internal/userns"
)

// Engine makes containers with this package's own system calls. A spec that
// it does not support, and Cleanup, go to the other engine; so does everything
// where systemd owns the cgroups.
type Engine struct {
	other engine.Engine
}

var _ engine.Engine = (*Engine)(nil)

// New returns the engine. other runs the specs that [Supports] refuses.
func New(other engine.Engine) *Engine { return &Engine{other: other} }

// Name is "direct".
func (e *Engine) Name() string { return "direct" }

// Cleanup is the other engine's: what is left of a container is the same.
func (e *Engine) Cleanup(ctx context.Context, id, stateDir, cgroupsPath string) error {
	return e.other.Cleanup(ctx, id, stateDir, cgroupsPath)
}

// Create implements engine.Engine.
func (e *Engine) Create(ctx context.Context, req engine.CreateRequest) (engine.Container, error) {
	if err := e.refuse(req.Spec); err != nil {
		if userns.Inside() {
			return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "%w: not in a user namespace", err)
		}
		return e.other.Create(ctx, req)
	}
	cfg, err := libct.Config(req.ID, req.Spec)
	if err != nil {
		return nil, err
	}
	cg, err := cgroup.Manager(cfg.Cgroups)
	if err != nil {
		return nil, fmt.Errorf("cgroup %s: %w", req.Spec.Linux.CgroupsPath, err)
	}
	if cg.Exists() {
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "cgroup %s exists already: another container uses it, or vz doctor --repair removes it", req.Spec.Linux.CgroupsPath)
	}
	if userns.Inside() {
		cfg.Cgroups.Resources.SkipDevices = true // nodes come from the host, and others cannot be made
	}
	c := &container{cgroup: cg, spec: req.Spec}
	if err := c.create(ctx, cfg.Cgroups.Resources, cfg.Devices, req.Stdio); err != nil {
		return nil, errors.Join(err, c.removeCgroup())
	}
	return c, nil
}

// refuse tells why the other engine is to make a container.
func (e *Engine) refuse(spec *specs.Spec) error {
	switch err := Supports(spec); {
	case err != nil:
		return err
	case kernelTooOld():
		return errors.New("kernels before Linux 5.12")
	case cgroup.Driver() == "systemd":
		return errors.New("cgroups of systemd")
	}
	return nil
}

// kernelTooOld reports that mount_setattr (Linux 5.12) is missing.
var kernelTooOld = sync.OnceValue(func() bool {
	return errors.Is(unix.MountSetattr(-1, "", unix.AT_EMPTY_PATH, &unix.MountAttr{}), unix.ENOSYS)
})

// openStdio returns the streams with /dev/null for the missing ones, and a
// function that closes what it opened.
func openStdio(s engine.Stdio, proc *specs.Process) ([3]*os.File, func(), error) {
	files := [3]*os.File{s.Stdin, s.Stdout, s.Stderr}
	if proc.Terminal {
		return files, func() {}, nil
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return files, nil, err
	}
	for i, f := range files {
		if f == nil {
			files[i] = null
		}
	}
	return files, func() { null.Close() }, nil
}

// execError gives a failed exec its class and words.
func execError(err error, proc *specs.Process) error {
	var step *stepError
	if !errors.As(err, &step) {
		return err
	}
	if step.op == opChdir && (step.errno == unix.ENOENT || step.errno == unix.ENOTDIR) {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%w", step)
	}
	if step.op != opExec {
		return err
	}
	name := proc.Args[0]
	switch step.errno {
	case unix.ENOENT, unix.ENOTDIR:
		if len(candidates(proc)) > 1 {
			return vzcontract.Errorf(vzcontract.ErrNoSuchProgram, "exec %q: executable file not found in $PATH", name)
		}
		return vzcontract.Errorf(vzcontract.ErrNoSuchProgram, "exec %q: no such file or directory", name)
	case unix.EACCES, unix.ENOEXEC, unix.EISDIR, unix.ELOOP, unix.ENAMETOOLONG, unix.EPERM, unix.ETXTBSY, unix.ELIBBAD:
		return vzcontract.Errorf(vzcontract.ErrCannotExec, "exec %q: %w", name, step.errno)
	}
	return err
}

// A membership is how a process joins every cgroup of a container.
type membership struct {
	// files take "0" from the process itself: those of version 1.
	files []string
	// dir is the cgroup of version 2, in which the process is born: to enter
	// it later makes the kernel wait for all processors, for milliseconds.
	dir string
}

func membershipOf(cg cgroups.Manager) membership {
	if cgroups.IsCgroup2UnifiedMode() { // "" of a container without a cgroup
		return membership{dir: cg.Path("")}
	}
	var m membership
	seen := map[string]bool{}
	for name, dir := range cg.GetPaths() {
		if name == "" {
			m.dir = dir
		} else if !seen[dir] {
			seen[dir] = true
			m.files = append(m.files, dir+"/tasks")
		}
	}
	return m
}

// open returns the cgroup of version 2 for a clone, nil if there is none.
func (m membership) open() (*os.File, error) {
	if m.dir == "" {
		return nil, nil
	}
	return os.OpenFile(m.dir, unix.O_PATH|unix.O_DIRECTORY, 0)
}
