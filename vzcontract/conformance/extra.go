package conformance

import (
	"errors"
	"strconv"
	"strings"
	"sync"

	"vz.internal/vzcontract"
)

var sharedChecks = []check{
	{name: "shared-vm", feature: vzcontract.FeatureSharedVM, run: sharedVM},
	{name: "shared-vm-containers", feature: vzcontract.FeatureSharedVM, run: sharedVMContainers},
}

var checkpointChecks = []check{
	{name: "checkpoint-files", feature: vzcontract.FeatureCheckpoint, run: checkpointFiles},
	{name: "checkpoint-invalid", feature: vzcontract.FeatureCheckpoint, run: checkpointInvalid},
}

var raceChecks = []check{
	{name: "many-at-once", run: manyAtOnce},
	{name: "remove-while-waiting", run: removeWhileWaiting},
}

func sharedVM(e *env) {
	s := e.b.(vzcontract.SharedVM)
	phase := func(want vzcontract.SharedVMPhase) {
		e.Helper()
		if got, err := s.SharedVMPhase(e.ctx, "stack"); err != nil || got != want {
			e.Errorf("phase = %q, %v, want %q", got, err, want)
		}
	}
	for range 2 {
		if err := s.ShutdownSharedVM(e.ctx, "stack"); err != nil {
			e.Fatal(err)
		}
		phase(vzcontract.PhaseShutdown)
	}
	for range 2 {
		if err := s.BootSharedVM(e.ctx, "stack", vzcontract.Resources{}); err != nil {
			e.Fatal(err)
		}
		phase(vzcontract.PhaseReady)
	}
	if err := s.ShutdownSharedVM(e.ctx, "stack"); err != nil {
		e.Fatal(err)
	}
	phase(vzcontract.PhaseShutdown)
}

// sharedVMContainers has two containers in one machine.
func sharedVMContainers(e *env) {
	s := e.b.(vzcontract.SharedVM)
	const name = "house"
	if err := s.BootSharedVM(e.ctx, name, vzcontract.Resources{}); err != nil {
		e.Fatal(err)
	}
	cfg := e.config(untilKilled...)
	cfg.SharedVM = "a/b"
	_, err := e.b.Create(e.ctx, cfg)
	e.wantClass("an invalid name of a machine", err, vzcontract.ErrValidation)
	cfg.SharedVM = name
	one := e.start(cfg)
	cfg = e.config("sh", "-c", "echo guest")
	cfg.SharedVM = name
	if got := e.output(cfg); got != "guest\n" {
		e.Errorf("output = %q, want guest", got)
	}
	e.awaitLine(one.ID, "ready")
	if got := e.inspect(one.ID); got.State != vzcontract.StateRunning || got.Config.SharedVM != name {
		e.Errorf("the first container is %s in %q, want running in %q", got.State, got.Config.SharedVM, name)
	}
	list, err := e.b.List(e.ctx)
	if err != nil || len(list) != 2 {
		e.Errorf("list = %d containers, %v, want 2", len(list), err)
	}
	for _, c := range list {
		if err := e.b.Remove(e.ctx, c.ID, vzcontract.RemoveOptions{Force: true}); err != nil {
			e.Errorf("remove: %v", err)
		}
	}
	if err := s.ShutdownSharedVM(e.ctx, name); err != nil {
		e.Fatal(err)
	}
	if phase, err := s.SharedVMPhase(e.ctx, name); err != nil || phase != vzcontract.PhaseShutdown {
		e.Errorf("phase = %q, %v, want shutdown", phase, err)
	}
}

func checkpointFiles(e *env) {
	c := e.b.(vzcontract.Checkpointer)
	info := e.start(e.config("sh", "-c", "echo run >> /root/runs; cat /root/runs; echo end"))
	e.wait(info.ID)
	if err := c.Checkpoint(e.ctx, info.ID, "one", vzcontract.CheckpointFiles); err != nil {
		e.Fatal(err)
	}
	e.wantClass("a checkpoint's name in use", c.Checkpoint(e.ctx, info.ID, "one", vzcontract.CheckpointFiles), vzcontract.ErrConflict)
	again := func(id string) {
		e.Helper()
		if _, err := e.b.Start(e.ctx, id, vzcontract.StartOptions{}); err != nil {
			e.Fatal(err)
		}
		e.wait(id)
	}
	again(info.ID)
	if err := c.Restore(e.ctx, info.ID, "one"); err != nil {
		e.Fatal(err)
	}
	again(info.ID)
	const want = "run\nend\nrun\nrun\nend\nrun\nrun\nend\n"
	if got := e.logs(info.ID, vzcontract.LogOptions{Tail: -1}); got != want {
		e.Errorf("log over a restore = %q, want %q", got, want)
	}
	fork, err := c.Fork(e.ctx, info.ID, "one", "forked")
	if err != nil || fork.Name != "forked" || fork.State != vzcontract.StateCreated {
		e.Fatalf("fork = %+v, %v", fork, err)
	}
	again(fork.ID)
	if got := e.logs(fork.ID, vzcontract.LogOptions{Tail: -1}); got != "run\nrun\nend\n" {
		e.Errorf("log of the fork = %q, want the checkpoint's files", got)
	}
}

func checkpointInvalid(e *env) {
	c := e.b.(vzcontract.Checkpointer)
	info := e.create(e.config("true"))
	e.wantClass("an unknown class", c.Checkpoint(e.ctx, info.ID, "x", "some"), vzcontract.ErrValidation)
	e.wantClass("restore of a missing checkpoint", c.Restore(e.ctx, info.ID, "none"), vzcontract.ErrNotFound)
	_, err := c.Fork(e.ctx, info.ID, "none", "f")
	e.wantClass("fork of a missing checkpoint", err, vzcontract.ErrNotFound)
}

// manyAtOnce runs containers at the same time, each with its own output.
func manyAtOnce(e *env) {
	const many = 8
	base := e.config("sh", "-c", "read a; echo $a; exit $a")
	base.OpenStdin, base.StdinOnce = true, true
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			code := i + 10
			r, err := e.tryRun(base, strings.NewReader(strconv.Itoa(code)+"\n"))
			if err != nil || r.exit.Code != code || r.stdout != strconv.Itoa(code)+"\n" {
				e.Errorf("run %d = %+v, %v", code, r, err)
			}
		})
	}
	all.Wait()
}

// removeWhileWaiting removes by force what others wait for, attach to and log.
func removeWhileWaiting(e *env) {
	info := e.running()
	var all sync.WaitGroup
	all.Go(func() {
		if exit, err := e.b.Wait(e.ctx, info.ID, ""); err != nil && !errors.Is(err, vzcontract.ErrNotFound) || err == nil && exit.Code != 137 {
			e.Errorf("wait = %+v, %v, want 137 or not found", exit, err)
		}
	})
	all.Go(func() {
		err := e.b.Logs(e.ctx, info.ID, vzcontract.LogOptions{Tail: -1, Follow: true}, func(vzcontract.LogEntry) error { return nil })
		if err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
			e.Errorf("followed log = %v, want its end", err)
		}
	})
	e.stopHard(info.ID)
	all.Wait()
}
