package conformance

import (
	"vz.internal/vzcontract"
)

var controlChecks = []check{
	{name: "pause", feature: vzcontract.FeaturePause, run: pause},
	{name: "pause-stop", feature: vzcontract.FeaturePause, run: pauseStop},
	{name: "rename", feature: vzcontract.FeatureRename, run: rename},
	{name: "update", feature: vzcontract.FeatureUpdate, run: update},
}

func pause(e *env) {
	p := e.b.(vzcontract.Pauser)
	info := e.running()
	if err := p.Pause(e.ctx, info.ID); err != nil {
		e.Fatal(err)
	}
	e.wantState(info.ID, vzcontract.StatePaused)
	_, err := e.b.Exec(e.ctx, info.ID, vzcontract.ExecConfig{Args: []string{"true"}})
	e.wantClass("exec in a paused container", err, vzcontract.ErrConflict)
	// The workload sees the signal only once it goes on.
	if err := e.b.Kill(e.ctx, info.ID, "TERM"); err != nil {
		e.Errorf("signal to a paused container: %v", err)
	}
	e.wantState(info.ID, vzcontract.StatePaused)
	if err := p.Resume(e.ctx, info.ID); err != nil {
		e.Fatal(err)
	}
	if exit := e.wait(info.ID); exit.Code != 7 {
		e.Errorf("exit after resume = %+v, want 7", exit)
	}
}

// pauseStop stops, kills and removes what is paused.
func pauseStop(e *env) {
	p := e.b.(vzcontract.Pauser)
	for name, end := range map[string]func(id string) error{
		"stop":   func(id string) error { return e.b.Stop(e.ctx, id, vzcontract.StopOptions{}) },
		"kill":   func(id string) error { return e.b.Kill(e.ctx, id, "KILL") },
		"remove": func(id string) error { return e.b.Remove(e.ctx, id, vzcontract.RemoveOptions{Force: true}) },
	} {
		info := e.running()
		if err := p.Pause(e.ctx, info.ID); err != nil {
			e.Fatal(err)
		}
		if err := end(info.ID); err != nil {
			e.Errorf("%s of a paused container: %v", name, err)
		}
		if name != "remove" {
			e.wait(info.ID)
			e.wantState(info.ID, vzcontract.StateStopped)
		}
	}
}

func rename(e *env) {
	r := e.b.(vzcontract.Renamer)
	cfg := e.config("true")
	cfg.Name = "old"
	info := e.create(cfg)
	cfg.Name = "other"
	e.create(cfg)
	e.wantClass("rename to a name in use", r.Rename(e.ctx, "old", "other"), vzcontract.ErrConflict)
	e.wantClass("rename to no name", r.Rename(e.ctx, "old", "a/b"), vzcontract.ErrValidation)
	if err := r.Rename(e.ctx, "old", "new"); err != nil {
		e.Fatal(err)
	}
	if got := e.inspect("new"); got.ID != info.ID || got.Name != "new" {
		e.Errorf("inspect by the new name = %s %q", got.ID, got.Name)
	}
	_, err := e.b.Inspect(e.ctx, "old")
	e.wantClass("inspect by the old name", err, vzcontract.ErrNotFound)
	cfg.Name = "old"
	e.create(cfg)
}

func update(e *env) {
	u := e.b.(vzcontract.Updater)
	info := e.running()
	pids := vzcontract.Resources{PidsLimit: 20}
	policy := vzcontract.RestartPolicy{Mode: vzcontract.RestartOnFailure, MaxRetries: 1}
	if _, err := u.Update(e.ctx, info.ID, vzcontract.UpdateConfig{Resources: &vzcontract.Resources{Memory: 64 << 20, MemorySwap: 64 << 20}}); err != nil {
		e.Fatal(err)
	}
	if _, err := u.Update(e.ctx, info.ID, vzcontract.UpdateConfig{Resources: &vzcontract.Resources{MemorySwap: 96 << 20}}); err != nil {
		e.Errorf("update of memory and swap alone: %v", err)
	}
	got, err := u.Update(e.ctx, info.ID, vzcontract.UpdateConfig{Resources: &pids, Restart: &policy})
	if err != nil {
		e.Fatal(err)
	}
	for _, info := range []vzcontract.ContainerInfo{got, e.inspect(info.ID)} {
		r := info.Config.Resources
		if r.PidsLimit != 20 || r.Memory != 64<<20 || info.Config.Restart != policy {
			e.Errorf("after update: pids %d, memory %d, restart %+v", r.PidsLimit, r.Memory, info.Config.Restart)
		}
	}
	bad := vzcontract.Resources{Memory: -1}
	_, err = u.Update(e.ctx, info.ID, vzcontract.UpdateConfig{Resources: &bad})
	e.wantClass("update to a negative limit", err, vzcontract.ErrValidation)
	if got := e.inspect(info.ID).Config.Resources.Memory; got != 64<<20 {
		e.Errorf("memory after a refused update = %d", got)
	}
	created := e.create(e.config("true"))
	if _, err := u.Update(e.ctx, created.ID, vzcontract.UpdateConfig{Resources: &pids}); err != nil {
		e.Errorf("update of a created container: %v", err)
	}
}
