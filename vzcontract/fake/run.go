package fake

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/sim"
	"vz.internal/vzcontract/fake/internal/tree"
)

const sigKill = 9

// A run is one life of a container in this process, from start to exit.
type run struct {
	kernel    *sim.Kernel
	main      *sim.Process
	out       *output
	stdin     *sim.Pipe
	tty       *sim.TTY
	done      chan struct{} // closed when the exit is recorded
	abandoned bool          // the backend closes: the exit is no news; under Backend.mu
	sick      bool          // it ends for being unhealthy; under Backend.mu
	volumes   []string
	closers   []func() error
	added     []liveMount
}

func (r *run) signal(sig int) {
	if sig == sigKill {
		r.kernel.Resume()
	}
	r.main.Signal(sig)
}

func (r *run) traps() map[int]string { return r.main.Traps() }

// launch runs c's program, under the lock.
func (b *Backend) launch(c *container, attach *vzcontract.AttachOptions) (*attachment, error) {
	view, r, err := b.view(c)
	if err != nil {
		return nil, failure("start", c, classOf(err), "%w", err)
	}
	cfg := c.Info.Config
	r.kernel = sim.NewKernel(view)
	r.kernel.Hostname, r.kernel.Memory, r.kernel.Pids = cfg.Hostname, cfg.Resources.Memory, cfg.Resources.PidsLimit
	r.out = newOutput(func(line logLine) { b.log(c, line) }, cfg.Log.Driver != "none")
	r.done = make(chan struct{})
	spec, err := b.spec(c, view)
	if err != nil {
		return nil, failure("start", c, vzcontract.ErrValidation, "%w", err)
	}
	spec.Stdout, spec.Stderr = r.out.file("stdout"), r.out.file("stderr")
	if cfg.OpenStdin {
		r.stdin = sim.NewPipe()
		spec.Stdin = r.stdin
	}
	if cfg.TTY {
		r.tty = sim.NewTTY(spec.Stdout)
		spec.TTY, spec.Stdin, spec.Stdout, spec.Stderr = r.tty, r.tty, r.tty, r.tty
	}
	var a *attachment
	if attach != nil {
		a = r.attach(b, *attach, cfg)
	}
	owner, err := b.own()
	if err != nil {
		return nil, failure("start", c, vzcontract.ErrUnavailable, "%w", err)
	}
	if r.main, err = b.startMain(r, spec, cfg); err != nil {
		if a != nil {
			_ = a.Close() // nothing to tell: the start's error says it
		}
		return nil, startError(c, spec.Args[0], err)
	}
	if r.tty != nil {
		r.tty.SetForeground(r.main.Signal)
	}
	c.Owner, c.Traps, c.StopAsked, c.Kept = owner, nil, false, false
	c.Info.State, c.Info.StartedAt, c.Info.StoppedAt = vzcontract.StateRunning, time.Now(), time.Time{}
	c.Info.Exit, c.Info.Error, c.Info.Restarting = nil, "", false
	c.Info.PID = 1<<20 + b.serial()
	b.runs[c.Info.ID] = r
	b.event("container", "start", c, nil)
	if a != nil {
		a.pump(r.stdin, r.tty, cfg)
	}
	b.goes(func() { b.supervise(c, r) })
	if cfg.Timeout > 0 {
		b.goes(func() { b.limit(r, cfg.Timeout) })
	}
	if h := cfg.Health; h.Probes() {
		c.Info.Health = &vzcontract.HealthStatus{Status: vzcontract.HealthStarting}
		b.goes(func() { b.watchHealth(c, r, *h) })
	}
	return a, nil
}

// startMain starts the program as process 1, or below a reaper that is.
func (b *Backend) startMain(r *run, spec sim.Spec, cfg vzcontract.RunConfig) (*sim.Process, error) {
	switch {
	case cfg.Idle:
		return r.kernel.StartIdle(spec)
	case cfg.Init:
		return r.kernel.StartReaped(spec)
	}
	return r.kernel.Start(spec, nil)
}

// spec says how the container's program runs.
func (b *Backend) spec(c *container, view *tree.View) (sim.Spec, error) {
	id, err := sim.LookupUser(view, c.Info.User, c.Info.Config.Groups)
	if err != nil {
		return sim.Spec{}, err
	}
	env := slices.Clone(c.Info.Env)
	env = append([]string{"HOSTNAME=" + c.Info.Config.Hostname}, env...)
	env = mergeEnv([]string{"HOME=" + id.Home}, env)
	if c.Info.Config.TTY {
		env = mergeEnv([]string{"TERM=xterm"}, env)
	}
	return sim.Spec{
		Args: c.Info.Command, Env: env, Dir: c.Info.WorkingDir,
		UID: id.UID, GID: id.GID, Groups: id.Groups,
	}, nil
}

// startError explains why a program did not start and notes it in the record.
func startError(c *container, program string, err error) error {
	class := execClass(err)
	e := failure("start", c, class, "exec %s: %w", program, err)
	c.Info.Error = e.Error()
	return e
}

func execClass(err error) error {
	switch {
	case errors.Is(err, sim.ErrNotFound):
		return vzcontract.ErrNoSuchProgram
	case errors.Is(err, sim.ErrNotExec), errors.Is(err, fs.ErrPermission):
		return vzcontract.ErrCannotExec
	}
	return vzcontract.ErrInternal
}

// limit kills a container that runs longer than allowed.
func (b *Backend) limit(r *run, timeout time.Duration) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-timer.C:
		r.signal(sigKill)
	case <-r.done:
	case <-b.life.Done():
	}
}

// supervise records the end of a run and does what follows from it.
func (b *Backend) supervise(c *container, r *run) {
	<-r.main.Done()
	status := r.main.Status()
	r.out.flush()
	unlock, err := b.lock()
	if err != nil {
		return // the state directory is gone, and with it the container
	}
	defer unlock()
	defer close(r.done)
	delete(b.runs, c.Info.ID)
	for _, closer := range r.closers {
		_ = closer() // of directories only looked at
	}
	exit := vzcontract.ExitStatus{Code: status.Code, Signal: status.Signal, OOMKilled: r.kernel.OOMKills() > 0}
	r.out.exit(exit)
	if r.abandoned && b.dir != "" {
		return
	}
	if exit.OOMKilled {
		b.event("container", "oom", c, nil)
	}
	c.Owner = ""
	b.stoppedNow(c, exit)
	ran := c.Info.StoppedAt.Sub(c.Info.StartedAt)
	switch {
	case b.closed || c.removed:
	case b.wantsRestart(c, r, exit):
		c.Info.Restarting = true
		b.touch()
		b.goes(func() { b.restartLater(c, ran) })
	case c.Info.Config.AutoRemove && !c.Kept:
		b.forget(c, true)
	}
}

// stoppedNow moves a running container to stopped.
func (b *Backend) stoppedNow(c *container, exit vzcontract.ExitStatus) {
	c.Info.State, c.Info.StoppedAt, c.Info.Exit, c.Info.PID = vzcontract.StateStopped, time.Now(), &exit, 0
	c.Pending = nil
	b.disconnectAll(c)
	b.event("container", "die", c, map[string]string{"exitCode": itoa(exit.Code)})
}

func (b *Backend) wantsRestart(c *container, r *run, exit vzcontract.ExitStatus) bool {
	if c.StopAsked || r.sick {
		return !c.StopAsked
	}
	switch p := c.Info.Config.Restart; p.Mode {
	case vzcontract.RestartAlways, vzcontract.RestartUnlessStopped:
		return true
	case vzcontract.RestartOnFailure:
		return exit.Code != 0 && (p.MaxRetries == 0 || c.Info.RestartCount < p.MaxRetries)
	}
	return false
}

// The pauses between restarts, as RestartPolicy says.
const (
	firstPause  = 100 * time.Millisecond
	longestWait = time.Minute
	settled     = 10 * time.Second
)

func (b *Backend) restartLater(c *container, ran time.Duration) {
	pause := firstPause
	if ran < settled {
		for range min(c.Info.RestartCount, 10) {
			pause = min(2*pause, longestWait)
		}
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		b.mu.Lock()
		cancelled, changed := c.removed || !c.Info.Restarting, b.changed
		b.mu.Unlock()
		if cancelled {
			return
		}
		select {
		case <-changed:
			continue
		case <-b.life.Done():
			return
		case <-timer.C:
		}
		break
	}
	unlock, err := b.lock()
	if err != nil {
		return // the state directory is gone
	}
	defer unlock()
	if c.removed || !c.Info.Restarting || b.closed {
		return
	}
	c.Info.RestartCount++
	if err := b.connectAll(c); err == nil {
		_, err = b.launch(c, nil)
		if err == nil {
			return
		}
	}
	c.Info.Restarting = false
	b.touch()
}
