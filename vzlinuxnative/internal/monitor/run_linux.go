package monitor

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/fault"
	"vz.internal/vzlinuxnative/internal/ocispec"
	"vz.internal/vzlinuxnative/internal/process"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/stream"
)

// A run is one life of the container's workload.
type run struct {
	c        engine.Container
	spec     *specs.Spec
	cfg      vzcontract.RunConfig
	streams  *stream.Set
	net      joined
	mounts   []record.Mount      // all of them
	added    []record.AddedMount // those that came after create
	sources  []*os.File          // of mounts, open until the container is made
	first    *stream.Client      // who started it and is attached
	began    time.Time
	restarts int // up to this one
	stop     context.CancelFunc
	ended    chan struct{} // closed when the exit is recorded

	// Valid once ended is closed.
	exit  vzcontract.ExitStatus
	took  time.Duration
	again bool // a restart follows

	mu     sync.Mutex
	reaped bool // guarded by mu
	paused bool // guarded by mu
	sick   bool // it ends for being unhealthy; guarded by mu
}

// launch makes a run. After an error nothing is left of it.
func (m *monitor) launch(q *request) (r *run, err error) {
	if m.cfg == nil {
		if m.cfg, err = m.store.Config(m.id); err != nil {
			return nil, err
		}
	}
	m.mounting.Lock() // no mount is about to come or go
	st, err := m.store.State(m.id)
	m.mounting.Unlock()
	if err != nil {
		return nil, err
	}
	m.name.Store(st.Name)
	fault.Point("start.begun")
	r = &run{cfg: record.RunConfig(m.cfg, st), added: st.Mounts, mounts: record.Mounts(m.cfg, st), ended: make(chan struct{})}
	if q.conn == nil {
		r.restarts = st.RestartCount + 1
	}
	var undo cleanups
	defer func() {
		if err != nil {
			err = errors.Join(err, undo.run())
		}
	}()
	if err := m.mountRoot(); err != nil {
		return nil, err
	}
	fault.Point("start.mounted")
	if err := m.openLog(r.cfg.Log); err != nil {
		return nil, err
	}
	if err := m.reserve(r, st, &undo); err != nil {
		return nil, err
	}
	fault.Point("start.reserved")
	defer r.closeSources()
	if r.spec, err = m.spec(r, q); err != nil {
		return nil, err
	}
	if err := m.create(r, q, &undo); err != nil {
		return nil, err
	}
	if err := m.release(r, &undo); err != nil {
		return nil, err // who asks for the run must not wait for its end
	}
	return r, nil
}

// create makes the container up to its wait for start, with its streams.
func (m *monitor) create(r *run, q *request, undo *cleanups) error {
	streams, stdio, err := stream.New(r.cfg.TTY, r.cfg.OpenStdin, m.logs)
	if err != nil {
		return err
	}
	r.streams = streams
	if m.cfg.Run.AutoRemove {
		streams.PassOn() // the log goes with the container
	}
	undo.add(func() error { streams.Abort(); return nil })
	ctx := context.Background()
	r.c, err = m.engine.Create(ctx, engine.CreateRequest{ID: m.id, Spec: r.spec, StateDir: m.engineDir(), Stdio: stdio})
	if err != nil {
		return err
	}
	undo.add(func() error { return r.c.Destroy(ctx) })
	fault.Point("start.created")
	if err := m.recordBirth(r); err != nil {
		return err
	}
	if err := m.numberMounts(r); err != nil {
		return err
	}
	if err := r.connect(); err != nil {
		return err
	}
	fault.Point("start.connected")
	if console := r.c.Console(); console != nil {
		if err := streams.SetConsole(console); err != nil {
			return err
		}
	}
	if q.msg.Streams != nil {
		r.first, err = streams.Attach(q.files, r.cfg.StdinOnce)
		q.files = stream.Files{}
	}
	return err
}

// recordBirth writes down the process of a container that no cgroup would tell, before it
// becomes the workload.
func (m *monitor) recordBirth(r *run) error {
	if m.cfg.CgroupsPath != "" {
		return nil
	}
	birth, err := process.Birth(r.c.PID())
	if err != nil {
		return err
	}
	_, err = m.store.Update(m.id, func(st *record.State) error {
		st.PID, st.Birth = r.c.PID(), birth
		return nil
	})
	return err
}

// release lets the workload begin.
func (m *monitor) release(r *run, undo *cleanups) error {
	if err := r.c.Start(context.Background()); err != nil {
		return err
	}
	fault.Point("start.executed")
	r.began = time.Now()
	r.streams.Begin()
	_, err := m.store.Update(m.id, func(st *record.State) error {
		st.State, st.PID = vzcontract.StateRunning, r.c.PID()
		st.RestartCount, st.StopAsked = r.restarts, m.isStopping()
		st.StartedAt, st.StoppedAt, st.Exit = r.began, time.Time{}, nil
		st.Error, st.Restarting = "", false
		st.Networks, st.Ports = r.places()
		st.RootfsDriver, st.RootfsData = m.root.Driver, m.root.Data
		st.Health = nil
		if r.cfg.Health.Probes() {
			st.Health = &vzcontract.HealthStatus{Status: vzcontract.HealthStarting}
		}
		return nil
	})
	if err != nil {
		_ = unix.Kill(r.c.PID(), unix.SIGKILL) // ours, and not yet reaped
		_, _ = r.c.Wait()
		return err
	}
	fault.Point("start.running")
	m.event("start", nil)
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	m.watch(ctx, r)
	return nil
}

// watch begins what goes on beside a run.
func (m *monitor) watch(ctx context.Context, r *run) {
	if r.cfg.Timeout > 0 {
		time.AfterFunc(r.cfg.Timeout, func() {
			if ctx.Err() == nil {
				_ = r.signal(unix.SIGKILL) // it may just have ended
			}
		})
	}
	if r.cfg.Health.Probes() {
		go m.health(ctx, r, *r.cfg.Health)
	}
}

// signal sends a signal to the workload.
func (r *run) signal(sig unix.Signal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reaped {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the container is not running")
	}
	// Not reaped, so the pid is the workload's.
	return unix.Kill(r.c.PID(), sig)
}

// cleanups undo the steps of a start, the last one first.
type cleanups struct{ list []func() error }

func (c *cleanups) add(f func() error) { c.list = append(c.list, f) }

func (c *cleanups) run() error {
	var errs []error
	for i := len(c.list) - 1; i >= 0; i-- {
		errs = append(errs, c.list[i]())
	}
	return errors.Join(errs...)
}

// spec makes the OCI specification of a run.
func (m *monitor) spec(r *run, q *request) (*specs.Spec, error) {
	in, err := m.specInput(r)
	if err != nil {
		return nil, err
	}
	spec, err := ocispec.New(in)
	if err != nil {
		return nil, err
	}
	if q.msg.Size != nil && q.msg.Size.Rows > 0 {
		spec.Process.ConsoleSize = &specs.Box{Height: uint(q.msg.Size.Rows), Width: uint(q.msg.Size.Cols)}
	}
	return spec, m.makeCwd(spec)
}
