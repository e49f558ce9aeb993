package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
	"vz.internal/vzstack"
	"vz.internal/vzstack/compose"
	"vz.internal/vzstack/plan"
)

// A session is a stack in the foreground: its output is shown until all has
// ended, something ends that is to end all, or a person interrupts.
type session struct {
	up      *up
	env     *command.Env
	stack   *vzstack.Stack
	project *compose.Project
	lines   *lines

	mu    sync.Mutex
	first *ending // guarded by mu
	codes map[string][]int
	abort chan struct{} // closed when one end is to end all
	// finished is closed when all containers of the services that were named
	// have ended, though what they depend on goes on.
	finished chan struct{}
	over     sync.Once // of finished
}

type ending struct {
	name string
	code int
}

func (c *up) foreground(env *command.Env, s *vzstack.Stack, loaded *compose.Project, opts vzstack.UpOptions) error {
	se := &session{up: c, env: env, stack: s, project: loaded, codes: map[string][]int{}, abort: make(chan struct{}), finished: make(chan struct{})}
	var names []string
	for _, name := range loaded.ServiceNames() {
		service := loaded.Services[name]
		names = append(names, fmt.Sprintf("%s-%d", name, max(1, service.GetScale())))
	}
	ansi := c.ansi
	if c.NoColor {
		ansi = "never"
	}
	se.lines = newLines(env, ansi, names)
	se.lines.plain, se.lines.times = c.NoLogPrefix, c.Timestamps
	return se.run(opts)
}

func (se *session) run(opts vzstack.UpOptions) error {
	interrupted := make(chan syscall.Signal, 2)
	ctx, cancel := context.WithCancel(context.WithoutCancel(se.env.Ctx))
	defer cancel()
	restore := se.env.Signals.Divert(func(sig os.Signal) {
		select {
		case interrupted <- sig.(syscall.Signal):
		default:
		}
	})
	defer restore()
	f := se.stack.Follow(ctx, se.lines.print, se.exited)
	defer f.Close()
	opts.Started = func(name string) {
		if se.shows(name) {
			info, err := se.stack.Inspect(ctx, name)
			if err == nil {
				// One that is gone already has no output to follow.
				_ = f.Add(name, vzcontract.LogOptions{Tail: -1, Since: info.StartedAt})
			}
		}
	}
	upCtx, stopUp := context.WithCancel(ctx)
	defer stopUp()
	ready := make(chan error, 1)
	go func() {
		result, err := se.stack.Up(upCtx, se.project, opts)
		if err == nil {
			err = se.addRunning(f, result.Containers)
		}
		ready <- err
	}()
	select {
	case err := <-ready:
		if err != nil {
			return err
		}
	case sig := <-interrupted:
		stopUp()
		<-ready
		return se.stopAll(ctx, f, interrupted, sig)
	}
	ended := make(chan error, 1)
	go func() { ended <- f.Wait() }()
	select {
	case err := <-ended:
		return errors.Join(err, se.result())
	case <-se.abort:
		return se.aborted(ctx, f, interrupted)
	case <-se.finished:
		return se.result()
	case sig := <-interrupted:
		return se.stopAll(ctx, f, interrupted, sig)
	}
}

// aborted ends all because one has ended.
func (se *session) aborted(ctx context.Context, f *vzstack.Follower, interrupted <-chan syscall.Signal) error {
	fmt.Fprintln(se.env.Stderr, "Aborting on container exit...")
	err := se.stopAll(ctx, f, interrupted, 0)
	return errors.Join(err, se.result())
}

// shows reports whether a container's output is wanted.
func (se *session) shows(name string) bool {
	info, err := se.stack.Inspect(se.env.Ctx, name)
	if err != nil {
		return false
	}
	service := info.Labels[plan.LabelService]
	s, ok := se.project.Services[service]
	switch {
	case !ok || slices.Contains(se.up.NoAttach, service) || s.Attach != nil && !*s.Attach:
		return false
	case len(se.up.Attach) > 0:
		return slices.Contains(se.up.Attach, service)
	case len(se.up.Services) > 0 && !se.up.AttachDependencies:
		return slices.Contains(se.up.Services, service)
	}
	return true
}

// addRunning follows what was running before, from now on.
func (se *session) addRunning(f *vzstack.Follower, all []plan.Container) error {
	for _, c := range all {
		if !c.Running() || !se.shows(c.Name) {
			continue
		}
		if err := f.Add(c.Name, vzcontract.LogOptions{Tail: 0}); err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
			return err
		}
	}
	return nil
}

// exited notes an end, and begins the end of all where that is wanted.
func (se *session) exited(c plan.Container, status vzcontract.ExitStatus) {
	se.lines.note(c.Project, c.Name, fmt.Sprintf("exited with code %d", status.Code))
	if slices.Contains(se.up.Services, c.Service) && se.noneLeft() {
		defer se.over.Do(func() { close(se.finished) })
	}
	se.mu.Lock()
	defer se.mu.Unlock()
	se.codes[c.Service] = append(se.codes[c.Service], status.Code)
	wanted := se.up.AbortOnExit || se.up.ExitCodeFrom != "" || se.up.AbortOnFailure && status.Code != 0
	if se.first == nil && wanted && (se.up.AbortOnExit || status.Code != 0 || !se.awaited(c.Service)) {
		se.first = &ending{c.Service, status.Code}
		close(se.abort)
	}
}

// services are those that end with the session: the ones that were named, not
// what they depend on, else all.
func (se *session) services() []string {
	if len(se.up.Services) > 0 {
		return se.up.Services
	}
	return se.project.ServiceNames()
}

// noneLeft reports whether nothing runs any more of the services that were
// named.
func (se *session) noneLeft() bool {
	all, err := se.stack.Containers(se.env.Ctx, se.project.Name)
	return err == nil && !slices.ContainsFunc(all, func(c plan.Container) bool {
		return !c.OneOff && slices.Contains(se.up.Services, c.Service) && c.Running()
	})
}

// awaited reports whether another service only begins when this one has done its
// work, so that its good end is no end of all, unless --abort-on-container-exit
// says that any end is.
func (se *session) awaited(service string) bool {
	for _, other := range se.project.Services {
		d, ok := other.DependsOn[service]
		if ok && d.Condition == string(plan.Completed) {
			return true
		}
	}
	return false
}

// result is the exit code: that of the chosen service, else of the one whose
// end ended all.
func (se *session) result() error {
	se.mu.Lock()
	defer se.mu.Unlock()
	if from := se.up.ExitCodeFrom; from != "" {
		for _, code := range se.codes[from] {
			if code != 0 {
				return command.Exit(code)
			}
		}
		return nil
	}
	if se.first != nil {
		return command.Exit(se.first.code)
	}
	return nil
}

// stopAll stops the project; a second interrupt kills it. sig is what began it.
func (se *session) stopAll(ctx context.Context, f *vzstack.Follower, interrupted <-chan syscall.Signal, sig syscall.Signal) error {
	if sig != 0 {
		fmt.Fprintln(se.env.Stderr, "Gracefully stopping... (press Ctrl+C again to force)")
	}
	g, err := grace(se.up.Timeout)
	if err != nil {
		return err
	}
	stopCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		done <- se.stack.Stop(stopCtx, se.project.Name, se.services(), vzstack.StopOptions{Grace: g})
	}()
	select {
	case err = <-done:
	case <-interrupted:
		fmt.Fprintln(se.env.Stderr, "Killing...")
		cancel()
		<-done
		err = se.stack.Kill(ctx, se.project.Name, se.services(), "KILL")
	}
	if err == nil {
		ended := make(chan error, 1)
		go func() { ended <- f.Wait() }()
		select {
		case err = <-ended:
		case <-se.finished:
		}
	}
	if sig != 0 {
		return errors.Join(err, command.Exit(128+int(sig)))
	}
	return err
}
