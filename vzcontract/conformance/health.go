package conformance

import (
	"errors"
	"time"

	"vz.internal/vzcontract"
)

var healthChecks = []check{
	{name: "health-healthy", run: healthHealthy},
	{name: "health-unhealthy", run: healthUnhealthy},
	{name: "health-timeout", run: healthTimeout},
	{name: "health-none", run: healthNone},
	{name: "health-restart", run: healthRestart},
	{name: "health-stopped-first", run: healthStoppedFirst},
}

func healthHealthy(e *env) {
	cfg := e.config(untilKilled...)
	cfg.Health = &vzcontract.HealthCheck{
		Test: []string{"CMD-SHELL", "echo probing; test -e /root/up"}, Interval: 20 * time.Millisecond, Retries: 1000,
	}
	info := e.start(cfg)
	if h := e.inspect(info.ID).Health; h == nil || h.Status != vzcontract.HealthStarting {
		e.Errorf("health at the start = %+v, want starting", h)
	}
	if r := e.exec(info.ID, sh(": > /root/up")); r.exit.Code != 0 {
		e.Fatalf("exec = %+v", r)
	}
	exit, err := e.b.Wait(e.ctx, info.ID, vzcontract.WaitHealthy)
	if err != nil || exit.Code != 0 {
		e.Fatalf("wait until healthy = %+v, %v", exit, err)
	}
	h := e.inspect(info.ID).Health
	if h == nil || h.Status != vzcontract.HealthHealthy || h.FailingStreak != 0 || len(h.Log) == 0 || len(h.Log) > 5 {
		e.Fatalf("health = %+v, want healthy with one to five probes", h)
	}
	if last := h.Log[len(h.Log)-1]; last.ExitCode != 0 || last.Output != "probing\n" || last.End.Before(last.Start) {
		e.Errorf("last probe = %+v", last)
	}
}

// awaitHealth reads the record until it has the status. There is no wait
// condition for this one.
func (e *env) awaitHealth(id string, want vzcontract.HealthState) *vzcontract.HealthStatus {
	e.Helper()
	for {
		h := e.inspect(id).Health
		if h != nil && h.Status == want {
			return h
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-e.ctx.Done():
			e.Fatalf("health stayed %+v, want %s", h, want)
		}
	}
}

func healthUnhealthy(e *env) {
	cfg := e.config(untilKilled...)
	cfg.Health = &vzcontract.HealthCheck{Test: []string{"CMD", "sh", "-c", "echo bad; exit 1"}, Interval: 10 * time.Millisecond, Retries: 2}
	info := e.start(cfg)
	h := e.awaitHealth(info.ID, vzcontract.HealthUnhealthy)
	if h.FailingStreak < 2 || h.Log[len(h.Log)-1].ExitCode != 1 {
		e.Errorf("health = %+v, want a streak of 2 and exit code 1", h)
	}
	e.wantState(info.ID, vzcontract.StateRunning)
}

func healthTimeout(e *env) {
	cfg := e.config(untilKilled...)
	cfg.Health = &vzcontract.HealthCheck{
		Test: []string{"CMD", "sleep", "1000"}, Interval: 10 * time.Millisecond, Timeout: 50 * time.Millisecond, Retries: 1,
	}
	info := e.start(cfg)
	e.awaitHealth(info.ID, vzcontract.HealthUnhealthy)
}

func healthNone(e *env) {
	cfg := e.config(untilKilled...)
	cfg.Health = &vzcontract.HealthCheck{Test: []string{"NONE"}}
	info := e.start(cfg)
	if h := e.inspect(info.ID).Health; h != nil {
		e.Errorf("health of a container with the check off = %+v", h)
	}
	_, err := e.b.Wait(e.ctx, info.ID, vzcontract.WaitHealthy)
	e.wantClass("wait for the health of a container without a check", err, vzcontract.ErrConflict)
}

// healthRestart has a program that is found unhealthy start again, which without
// a policy it would not.
func healthRestart(e *env) {
	cfg := e.config("sh", "-c", "echo run; while :; do sleep 0.05; done")
	cfg.Health = &vzcontract.HealthCheck{
		Test: []string{"CMD", "sh", "-c", "test -e /root/up"}, Interval: 20 * time.Millisecond, Retries: 2, Restart: true,
	}
	none := time.Duration(0)
	cfg.StopGrace = &none
	info := e.start(cfg)
	for e.inspect(info.ID).RestartCount == 0 {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-e.ctx.Done():
			e.Fatalf("an unhealthy container was not started again: %+v", e.inspect(info.ID))
		}
	}
	// Asking it to stop is final, also while it is found unhealthy.
	if err := e.b.Stop(e.ctx, info.ID, vzcontract.StopOptions{}); err != nil {
		e.Fatal(err)
	}
	e.wait(info.ID)
	if got := e.wantState(info.ID, vzcontract.StateStopped); got.Restarting || got.RestartCount == 0 {
		e.Errorf("after stop: %+v", got)
	}
	cfg.Name, cfg.Health = "", &vzcontract.HealthCheck{Restart: true}
	_, err := e.b.Create(e.ctx, cfg)
	e.wantClass("restart of the unhealthy without a health check", err, vzcontract.ErrValidation)
}

func healthStoppedFirst(e *env) {
	cfg := e.config(untilKilled...)
	cfg.Health = &vzcontract.HealthCheck{Test: []string{"CMD", "false"}, Interval: time.Hour}
	info := e.start(cfg)
	e.awaitLine(info.ID, "ready")
	errs := make(chan error, 1)
	go func() {
		_, err := e.b.Wait(e.ctx, info.ID, vzcontract.WaitHealthy)
		errs <- err
	}()
	e.kill(info.ID)
	if err := <-errs; !errors.Is(err, vzcontract.ErrConflict) {
		e.Errorf("wait for health of a container that stops = %v, want a conflict", err)
	}
}
