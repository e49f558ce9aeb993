package conformance

import (
	"context"
	"errors"
	"time"

	"vz.internal/vzcontract"
)

var stopChecks = []check{
	{name: "stop-signal", run: stopSignal},
	{name: "stop-kills-after-grace", run: stopKills},
	{name: "stop-override", run: stopOverride},
	{name: "stop-cancelled", run: stopCancelled},
	{name: "stop-at-once", run: stopAtOnce},
}

func stopSignal(e *env) {
	cfg := e.config("sh", "-c", "trap 'exit 3' INT; trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done")
	for signal, want := range map[string]int{"": 4, "SIGINT": 3, "INT": 3, "2": 3} {
		cfg.StopSignal = signal
		info := e.start(cfg)
		e.awaitLine(info.ID, "ready")
		if err := e.b.Stop(e.ctx, info.ID, vzcontract.StopOptions{}); err != nil {
			e.Fatal(err)
		}
		if exit := e.wantState(info.ID, vzcontract.StateStopped).Exit; exit == nil || exit.Code != want {
			e.Errorf("stop with signal %q = %+v, want %d", signal, exit, want)
		}
	}
}

// stubborn is a workload that ignores SIGTERM.
var stubborn = []string{"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"}

func stopKills(e *env) {
	short := 50 * time.Millisecond
	cfg := e.config(stubborn...)
	cfg.StopGrace = &short
	own := e.start(cfg)
	given := e.start(e.config(stubborn...))
	for _, id := range []string{own.ID, given.ID} {
		e.awaitLine(id, "ready")
	}
	if err := e.b.Stop(e.ctx, own.ID, vzcontract.StopOptions{}); err != nil {
		e.Fatal(err)
	}
	none := time.Duration(0)
	if err := e.b.Stop(e.ctx, given.ID, vzcontract.StopOptions{Grace: &none}); err != nil {
		e.Fatal(err)
	}
	for _, id := range []string{own.ID, given.ID} {
		if exit := e.wantState(id, vzcontract.StateStopped).Exit; exit == nil || exit.Code != 137 || exit.Signal != 9 {
			e.Errorf("stop of a stubborn workload = %+v, want 137 by signal 9", exit)
		}
	}
}

func stopOverride(e *env) {
	info := e.start(e.config("sh", "-c", "trap 'exit 5' USR1; trap '' TERM; echo ready; while :; do sleep 0.05; done"))
	e.awaitLine(info.ID, "ready")
	forever := -time.Second
	if err := e.b.Stop(e.ctx, info.ID, vzcontract.StopOptions{Signal: "USR1", Grace: &forever}); err != nil {
		e.Fatal(err)
	}
	if exit := e.wantState(info.ID, vzcontract.StateStopped).Exit; exit == nil || exit.Code != 5 {
		e.Errorf("stop with USR1 = %+v, want 5", exit)
	}
}

// stopCancelled gives up waiting; the container may go on.
func stopCancelled(e *env) {
	info := e.start(e.config(stubborn...))
	e.awaitLine(info.ID, "ready")
	ctx, cancel := context.WithTimeout(e.ctx, 20*time.Millisecond)
	defer cancel()
	forever := -time.Second
	err := e.b.Stop(ctx, info.ID, vzcontract.StopOptions{Grace: &forever})
	if !errors.Is(err, context.DeadlineExceeded) {
		e.Errorf("stop past its deadline = %v, want context.DeadlineExceeded", err)
	}
	e.wantState(info.ID, vzcontract.StateRunning)
	e.kill(info.ID)
}

func stopAtOnce(e *env) {
	info := e.running()
	const many = 5
	errs := make(chan error, many)
	for range many {
		go func() { errs <- e.b.Stop(e.ctx, info.ID, vzcontract.StopOptions{}) }()
	}
	for range many {
		if err := <-errs; err != nil {
			e.Errorf("stop at once: %v", err)
		}
	}
	if exit := e.wantState(info.ID, vzcontract.StateStopped).Exit; exit == nil || exit.Code != 7 {
		e.Errorf("exit = %+v, want 7", exit)
	}
}
