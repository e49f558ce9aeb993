package conformance

import "vz.internal/vzcontract"

var restartChecks = []check{
	{name: "restart-on-failure", run: restartOnFailure},
	{name: "restart-on-failure-success", run: restartOnSuccess},
	{name: "restart-always", run: restartAlways},
	{name: "restart-stopped", run: restartStopped},
}

// restartOnFailure counts the runs in a file and gives up as told.
func restartOnFailure(e *env) {
	cfg := e.config("sh", "-c", "echo run; exit 3")
	cfg.Restart = vzcontract.RestartPolicy{Mode: vzcontract.RestartOnFailure, MaxRetries: 2}
	info := e.start(cfg)
	if exit := e.wait(info.ID); exit.Code != 3 {
		e.Errorf("wait = %+v, want 3", exit)
	}
	if got := e.inspect(info.ID); got.RestartCount != 2 || got.Restarting {
		e.Errorf("restarts %d, restarting %v, want 2 and no more", got.RestartCount, got.Restarting)
	}
	if got := e.logs(info.ID, vzcontract.LogOptions{Tail: -1}); got != "run\nrun\nrun\n" {
		e.Errorf("log = %q, want three runs", got)
	}
}

func restartOnSuccess(e *env) {
	cfg := e.config("sh", "-c", "test -e /root/ran && exit 0; : > /root/ran; exit 1")
	cfg.Restart.Mode = vzcontract.RestartOnFailure
	info := e.start(cfg)
	if exit := e.wait(info.ID); exit.Code != 0 {
		e.Errorf("wait = %+v, want the second run's 0", exit)
	}
	if got := e.inspect(info.ID).RestartCount; got != 1 {
		e.Errorf("restarts = %d, want 1", got)
	}
}

func restartAlways(e *env) {
	cfg := e.config("sh", "-c", "test -e /root/ran && { echo second; while :; do sleep 0.05; done; }; : > /root/ran; exit 0")
	cfg.Restart.Mode = vzcontract.RestartAlways
	info := e.start(cfg)
	e.awaitLine(info.ID, "second")
	e.wantState(info.ID, vzcontract.StateRunning)
	// Asking it to stop is final.
	e.kill(info.ID)
	if got := e.wantState(info.ID, vzcontract.StateStopped); got.Restarting {
		e.Error("a killed container is restarting")
	}
}

// restartStopped stops and kills containers between two of their restarts.
func restartStopped(e *env) {
	for how, end := range map[string]func(id string) error{
		"stop": func(id string) error { return e.b.Stop(e.ctx, id, vzcontract.StopOptions{}) },
		"kill": func(id string) error { return e.b.Kill(e.ctx, id, "KILL") },
	} {
		cfg := e.config("sh", "-c", "echo run; exit 1")
		cfg.Restart.Mode = vzcontract.RestartAlways
		info := e.start(cfg)
		e.awaitLine(info.ID, "run")
		if err := end(info.ID); err != nil {
			e.Fatalf("%s: %v", how, err)
		}
		e.wait(info.ID)
		if got := e.inspect(info.ID); got.Restarting || got.State == vzcontract.StateRunning {
			e.Errorf("after %s: state %s, restarting %v", how, got.State, got.Restarting)
		}
		if err := e.b.Remove(e.ctx, info.ID, vzcontract.RemoveOptions{}); err != nil {
			e.Errorf("remove after %s: %v", how, err)
		}
	}
}
