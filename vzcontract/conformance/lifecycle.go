package conformance

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"vz.internal/vzcontract"
)

var lifecycleChecks = []check{
	{name: "identity", run: identity},
	{name: "transitions", run: transitions},
	{name: "lifecycle", run: lifecycle},
	{name: "start-again", run: startAgain},
	{name: "find", run: find},
	{name: "list-order", run: listOrder},
	{name: "exit-codes", run: exitCodes},
	{name: "exit-signals", run: exitSignals},
	{name: "auto-remove", run: autoRemove},
	{name: "auto-remove-restart", run: autoRemoveRestart},
	{name: "run-timeout", run: runTimeout},
	{name: "init-reaper", run: initReaper},
	{name: "idle", run: idle},
}

func identity(e *env) {
	if e.b.BackendName() == "" {
		e.Error("BackendName is empty")
	}
	switch e.b.Isolation() {
	case vzcontract.IsolationFull, vzcontract.IsolationContainer, vzcontract.IsolationNamespace, vzcontract.IsolationNone:
	default:
		e.Errorf("Isolation = %q, which is none of the levels", e.b.Isolation())
	}
	for feature, why := range e.b.Capabilities().Missing {
		if why == "" {
			e.Errorf("feature %s is missing without a reason", feature)
		}
	}
	for _, f := range []vzcontract.Feature{
		vzcontract.FeaturePause, vzcontract.FeatureRename, vzcontract.FeatureUpdate, vzcontract.FeatureStats,
		vzcontract.FeatureEvents, vzcontract.FeatureCopy, vzcontract.FeatureDiff, vzcontract.FeatureCommit,
		vzcontract.FeatureTop, vzcontract.FeatureImages, vzcontract.FeatureNetworks, vzcontract.FeatureVolumes,
		vzcontract.FeatureSharedVM, vzcontract.FeatureCheckpoint, vzcontract.FeatureMount, vzcontract.FeatureFiles,
	} {
		if e.b.Capabilities().Has(f) && !implements(e.b, f) {
			e.Errorf("Capabilities announce %s, whose interface the backend lacks", f)
		}
	}
}

// inState makes a container and brings it to a state.
func (e *env) inState(s vzcontract.State) (id string, ok bool) {
	switch s {
	case vzcontract.StateCreated:
		return e.create(e.config(untilKilled...)).ID, true
	case vzcontract.StateRunning:
		return e.running().ID, true
	case vzcontract.StatePaused:
		if e.lacks(vzcontract.FeaturePause) != "" {
			return "", false
		}
		info := e.running()
		if err := e.b.(vzcontract.Pauser).Pause(e.ctx, info.ID); err != nil {
			e.Fatal(err)
		}
		return info.ID, true
	case vzcontract.StateStopped:
		info := e.start(e.config("true"))
		e.wait(info.ID)
		return info.ID, true
	}
	return "", false
}

// transitions walks every step from every state as ContainerSteps says.
func transitions(e *env) {
	steps := []vzcontract.Step{
		vzcontract.StepStart, vzcontract.StepPause, vzcontract.StepResume, vzcontract.StepStop, vzcontract.StepRemove,
	}
	for _, from := range []vzcontract.State{vzcontract.StateCreated, vzcontract.StateRunning, vzcontract.StatePaused, vzcontract.StateStopped} {
		for _, step := range steps {
			pausing := step == vzcontract.StepPause || step == vzcontract.StepResume
			if pausing && e.lacks(vzcontract.FeaturePause) != "" {
				continue
			}
			id, ok := e.inState(from)
			if !ok {
				continue
			}
			what := fmt.Sprintf("%s from %s", step, from)
			err := e.step(id, step)
			to, allowed := vzcontract.ContainerSteps[from][step]
			switch {
			case !allowed:
				e.wantClass(what, err, vzcontract.ErrConflict)
				e.wantState(id, from)
			case err != nil:
				e.Errorf("%s: %v", what, err)
			case to == vzcontract.StateRemoved:
				_, err := e.b.Inspect(e.ctx, id)
				e.wantClass("inspect after "+what, err, vzcontract.ErrNotFound)
			case from == vzcontract.StateStopped && step == vzcontract.StepStart:
				// "true" may have ended again.
			default:
				e.wantState(id, to)
			}
			if err := e.b.Remove(e.ctx, id, vzcontract.RemoveOptions{Force: true}); err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
				e.Errorf("forced remove after %s: %v", what, err)
			}
		}
	}
}

func (e *env) step(id string, step vzcontract.Step) error {
	switch step {
	case vzcontract.StepStart:
		_, err := e.b.Start(e.ctx, id, vzcontract.StartOptions{})
		return err
	case vzcontract.StepStop:
		return e.b.Stop(e.ctx, id, vzcontract.StopOptions{})
	case vzcontract.StepRemove:
		return e.b.Remove(e.ctx, id, vzcontract.RemoveOptions{})
	case vzcontract.StepPause:
		return e.b.(vzcontract.Pauser).Pause(e.ctx, id)
	}
	return e.b.(vzcontract.Pauser).Resume(e.ctx, id)
}

// lifecycle follows one container through its whole life.
func lifecycle(e *env) {
	cfg := e.config(untilKilled...)
	cfg.Name = "life"
	cfg.Labels = map[string]string{"a": "1"}
	info := e.create(cfg)
	e.consistent(info)
	if info.Name != "life" || info.Labels["a"] != "1" || !equal(info.Command, cfg.Args) || info.CreatedAt.IsZero() {
		e.Errorf("create = name %q, labels %v, command %q, created %v", info.Name, info.Labels, info.Command, info.CreatedAt)
	}
	e.wantState("life", vzcontract.StateCreated)
	if _, err := e.b.Start(e.ctx, "life", vzcontract.StartOptions{}); err != nil {
		e.Fatal(err)
	}
	running := e.wantState("life", vzcontract.StateRunning)
	e.awaitLine("life", "ready")
	if err := e.b.Stop(e.ctx, "life", vzcontract.StopOptions{}); err != nil {
		e.Fatal(err)
	}
	stopped := e.wantState("life", vzcontract.StateStopped)
	if stopped.Exit == nil || stopped.Exit.Code != 7 || !stopped.StartedAt.Equal(running.StartedAt) {
		e.Errorf("after stop: exit %+v (want 7), started %v (want %v)", stopped.Exit, stopped.StartedAt, running.StartedAt)
	}
	if err := e.b.Remove(e.ctx, "life", vzcontract.RemoveOptions{}); err != nil {
		e.Fatal(err)
	}
}

// startAgain starts a stopped container: files stay, times are new.
func startAgain(e *env) {
	cfg := e.config("sh", "-c", "echo run >> /root/runs; wc -l < /root/runs")
	info := e.start(cfg)
	e.wait(info.ID)
	first := e.wantState(info.ID, vzcontract.StateStopped)
	if _, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{}); err != nil {
		e.Fatal(err)
	}
	e.wait(info.ID)
	second := e.wantState(info.ID, vzcontract.StateStopped)
	if second.StartedAt.Before(first.StoppedAt) {
		e.Errorf("second start at %v, before the first stop at %v", second.StartedAt, first.StoppedAt)
	}
	if got := e.logs(info.ID, vzcontract.LogOptions{Tail: -1}); got != "1\n2\n" {
		e.Errorf("logs of two runs = %q, want 1 and 2", got)
	}
}

// find takes names, ids and prefixes of ids.
func find(e *env) {
	cfg := e.config("true")
	cfg.Name = "one"
	one := e.create(cfg)
	two := e.create(e.config("true"))
	if two.Name == "" || two.Name == one.Name {
		e.Errorf("the name that was picked is %q", two.Name)
	}
	for _, ref := range []string{"one", "/one", one.ID, one.ID[:12]} {
		if got := e.inspect(ref); got.ID != one.ID {
			e.Errorf("inspect %q = %s, want %s", ref, got.ID, one.ID)
		}
	}
	_, err := e.b.Inspect(e.ctx, "")
	e.wantClass("inspect of an empty name", err, vzcontract.ErrNotFound)
	// With 17 containers two ids begin with the same digit.
	seen := map[byte]bool{one.ID[0]: true}
	again := seen[two.ID[0]]
	digit := two.ID[:1]
	for seen[two.ID[0]] = true; !again; {
		c := e.create(e.config("true"))
		digit, again = c.ID[:1], seen[c.ID[0]]
		seen[c.ID[0]] = true
	}
	_, err = e.b.Inspect(e.ctx, digit)
	e.wantClass("inspect of an ambiguous prefix", err, vzcontract.ErrValidation)
}

func listOrder(e *env) {
	if list, err := e.b.List(e.ctx); err != nil || len(list) != 0 {
		e.Fatalf("a fresh backend lists %v, %v", list, err)
	}
	var ids []string
	for range 3 {
		ids = append([]string{e.create(e.config("true")).ID}, ids...)
	}
	list, err := e.b.List(e.ctx)
	if err != nil {
		e.Fatal(err)
	}
	var got []string
	for _, c := range list {
		e.consistent(c)
		got = append(got, c.ID)
	}
	if !equal(got, ids) {
		e.Errorf("list = %q, want newest first %q", got, ids)
	}
}

func exitCodes(e *env) {
	for _, code := range []int{0, 1, 3, 42, 125, 126, 127, 255} {
		r := e.run(e.config("sh", "-c", fmt.Sprintf("exit %d", code)), nil)
		if r.exit.Code != code || r.exit.Signal != 0 || r.exit.OOMKilled || r.exit.Unknown {
			e.Errorf("exit %d gave %+v", code, r.exit)
		}
	}
}

func exitSignals(e *env) {
	// With the reaper the workload is not process 1, so that default actions apply.
	for name, number := range map[string]syscall.Signal{"TERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT, "9": syscall.SIGKILL, "": syscall.SIGKILL} {
		cfg := e.config("sh", "-c", "echo ready; exec sleep 1000")
		cfg.Init = true
		info := e.start(cfg)
		e.awaitLine(info.ID, "ready")
		if err := e.b.Kill(e.ctx, info.ID, name); err != nil {
			e.Errorf("kill %q: %v", name, err)
			continue
		}
		if exit := e.wait(info.ID); exit.Code != 128+int(number) {
			e.Errorf("exit after %q = %+v, want code %d", name, exit, 128+int(number))
		}
	}
	info := e.running()
	e.kill(info.ID)
	if exit := e.inspect(info.ID).Exit; exit == nil || exit.Code != 137 || exit.Signal != 9 || exit.OOMKilled {
		e.Errorf("exit of a killed process 1 = %+v, want 137 by signal 9", exit)
	}
}

func autoRemove(e *env) {
	cfg := e.config(untilKilled...)
	cfg.AutoRemove = true
	info := e.start(cfg)
	e.awaitLine(info.ID, "ready")
	type outcome struct {
		exit vzcontract.ExitStatus
		err  error
	}
	removed := make(chan outcome, 1)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		exit, err := e.b.Wait(e.ctx, info.ID, vzcontract.WaitRemoved)
		removed <- outcome{exit, err}
	})
	if err := e.b.Kill(e.ctx, info.ID, "TERM"); err != nil {
		e.Fatal(err)
	}
	waiting.Wait()
	switch got := <-removed; {
	case errors.Is(got.err, vzcontract.ErrNotFound):
		// The wait began after the end.
	case got.err != nil || got.exit.Code != 7:
		e.Errorf("wait for removal = %+v, %v, want 7", got.exit, got.err)
	}
	_, err := e.b.Inspect(e.ctx, info.ID)
	e.wantClass("inspect after auto-remove", err, vzcontract.ErrNotFound)
}

// autoRemoveRestart: a restart is not the end that takes the container along.
func autoRemoveRestart(e *env) {
	cfg := e.config("sleep", "1000")
	cfg.AutoRemove = true
	info := e.start(cfg)
	grace := time.Duration(0)
	if err := e.b.Stop(e.ctx, info.ID, vzcontract.StopOptions{Grace: &grace, Restart: true}); err != nil {
		e.Fatal(err)
	}
	e.wantState(info.ID, vzcontract.StateStopped)
	if _, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{}); err != nil {
		e.Fatal(err)
	}
	e.wantState(info.ID, vzcontract.StateRunning)
	if err := e.b.Stop(e.ctx, info.ID, vzcontract.StopOptions{Grace: &grace}); err != nil {
		e.Fatal(err)
	}
	if _, err := e.b.Wait(e.ctx, info.ID, vzcontract.WaitRemoved); err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
		e.Fatal(err)
	}
	_, err := e.b.Inspect(e.ctx, info.ID)
	e.wantClass("inspect after auto-remove", err, vzcontract.ErrNotFound)
}

func runTimeout(e *env) {
	cfg := e.config("sleep", "1000")
	cfg.Timeout = 50 * time.Millisecond
	info := e.create(cfg)
	if _, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{}); err != nil {
		e.Fatal(err)
	}
	if exit := e.wait(info.ID); exit.Code != 137 {
		e.Errorf("exit after the container's timeout = %+v, want 137", exit)
	}
}

// initReaper runs the workload below a reaper: it is not process 1.
func initReaper(e *env) {
	cfg := e.config("sh", "-c", "echo $$; exit 5")
	r := e.run(cfg, nil)
	if r.stdout != "1\n" {
		e.Errorf("without a reaper the workload is process %q, want 1", r.stdout)
	}
	cfg.Init = true
	r = e.run(cfg, nil)
	if r.stdout == "1\n" || r.stdout == "" || r.exit.Code != 5 {
		e.Errorf("with a reaper the workload is process %q and exits with %+v, want another and 5", r.stdout, r.exit)
	}
}

// idle runs no program of the image, is there for exec, reaps, and ends by a signal.
func idle(e *env) {
	cfg := e.config()
	cfg.Idle = true
	info := e.start(cfg)
	if info.State != vzcontract.StateRunning {
		e.Fatalf("an idle container is %s", info.State)
	}
	r := e.exec(info.ID, vzcontract.ExecConfig{Args: []string{"sh", "-c", "echo $$"}})
	if r.exit.Code != 0 || r.stdout == "1\n" || r.stdout == "" {
		e.Errorf("exec in an idle container: process %q, %+v", r.stdout, r.exit)
	}
	if err := e.b.Kill(e.ctx, info.ID, "WINCH"); err != nil {
		e.Error(err)
	}
	if err := e.b.Stop(e.ctx, info.ID, vzcontract.StopOptions{}); err != nil {
		e.Fatal(err)
	}
	if exit := e.inspect(info.ID).Exit; exit == nil || exit.Code != 143 {
		e.Errorf("exit of a stopped idle container = %+v, want 143", exit)
	}
	cfg = e.config("sh")
	cfg.Idle = true
	_, err := e.b.Create(e.ctx, cfg)
	e.wantClass("create an idle container with a program", err, vzcontract.ErrValidation)
}
