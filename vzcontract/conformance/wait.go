package conformance

import (
	"sync"

	"vz.internal/vzcontract"
)

var waitChecks = []check{
	{name: "wait-not-running", run: waitNotRunning},
	{name: "wait-many", run: waitMany},
	{name: "wait-next-exit", run: waitNextExit},
	{name: "wait-removed", run: waitRemoved},
	{name: "wait-unknown-condition", run: waitUnknown},
}

func waitNotRunning(e *env) {
	created := e.create(e.config("true"))
	if exit, err := e.b.Wait(e.ctx, created.ID, vzcontract.WaitNotRunning); err != nil || exit.Code != 0 {
		e.Errorf("wait for a created container = %+v, %v, want at once", exit, err)
	}
	info := e.start(e.config("sh", "-c", "exit 3"))
	for range 2 {
		if exit := e.wait(info.ID); exit.Code != 3 {
			e.Errorf("wait = %+v, want 3", exit)
		}
	}
}

func waitMany(e *env) {
	info := e.running()
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if exit, err := e.b.Wait(e.ctx, info.ID, ""); err != nil || exit.Code != 7 {
				e.Errorf("wait = %+v, %v, want 7", exit, err)
			}
		})
	}
	if err := e.b.Kill(e.ctx, info.ID, "TERM"); err != nil {
		e.Error(err)
	}
	all.Wait()
}

// waitNextExit does not take an earlier exit for the next one.
func waitNextExit(e *env) {
	cfg := e.config("sh", "-c", "test -e /root/again && exit 2; : > /root/again; exit 1")
	info := e.start(cfg)
	e.wait(info.ID)
	codes := make(chan int, 1)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		exit, err := e.b.Wait(e.ctx, info.ID, vzcontract.WaitNextExit)
		if err != nil {
			e.Errorf("wait for the next exit: %v", err)
		}
		codes <- exit.Code
	})
	// Whenever the wait begins, a later start ends with 2.
	for done := false; !done; {
		if _, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{}); err != nil {
			e.Fatal(err)
		}
		e.wait(info.ID)
		select {
		case code := <-codes:
			if code != 2 {
				e.Errorf("next exit = %d, want 2", code)
			}
			done = true
		default:
		}
	}
	waiting.Wait()
}

func waitRemoved(e *env) {
	info := e.running()
	waits := make(chan error, 1)
	var exit vzcontract.ExitStatus
	go func() {
		var err error
		exit, err = e.b.Wait(e.ctx, info.ID, vzcontract.WaitRemoved)
		waits <- err
	}()
	if err := e.b.Stop(e.ctx, info.ID, vzcontract.StopOptions{}); err != nil {
		e.Fatal(err)
	}
	select {
	case err := <-waits:
		e.Fatalf("the wait for removal ended at the stop: %v", err)
	default:
	}
	if err := e.b.Remove(e.ctx, info.ID, vzcontract.RemoveOptions{}); err != nil {
		e.Fatal(err)
	}
	// A wait that had not begun before the removal finds nothing.
	if err := <-waits; err == nil && exit.Code != 7 {
		e.Errorf("wait for removal = %+v, want 7", exit)
	} else if err != nil {
		e.wantClass("wait for removal", err, vzcontract.ErrNotFound)
	}
}

func waitUnknown(e *env) {
	info := e.create(e.config("true"))
	_, err := e.b.Wait(e.ctx, info.ID, "some-day")
	e.wantClass("wait for an unknown condition", err, vzcontract.ErrValidation)
}
