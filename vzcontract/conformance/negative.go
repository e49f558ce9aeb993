package conformance

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"vz.internal/vzcontract"
)

var negativeChecks = []check{
	{name: "missing-container", run: missingContainer},
	{name: "create-name-taken", run: createNameTaken},
	{name: "create-names-at-once", run: createNamesAtOnce},
	{name: "create-invalid", run: createInvalid},
	{name: "create-missing-image", run: createMissingImage},
	{name: "create-cancelled", run: createCancelled},
	{name: "remove-twice", run: removeTwice},
	{name: "remove-running", run: removeRunning},
	{name: "not-running", run: notRunning},
	{name: "signal-unknown", run: signalUnknown},
	{name: "wait-cancelled", run: waitCancelled},
	{name: "wait-deadline", run: waitDeadline},
	{name: "start-missing-program", run: startMissingProgram},
	{name: "start-not-executable", run: startNotExecutable},
	{name: "close-twice", run: closeTwice},
}

// missingContainer tries everything on a container that does not exist.
func missingContainer(e *env) {
	const name = "nobody"
	ops := map[string]func() error{
		"inspect": func() error { _, err := e.b.Inspect(e.ctx, name); return err },
		"start":   func() error { _, err := e.b.Start(e.ctx, name, vzcontract.StartOptions{}); return err },
		"attach":  func() error { _, err := e.b.Attach(e.ctx, name, vzcontract.AttachOptions{}); return err },
		"stop":    func() error { return e.b.Stop(e.ctx, name, vzcontract.StopOptions{}) },
		"kill":    func() error { return e.b.Kill(e.ctx, name, "") },
		"wait":    func() error { _, err := e.b.Wait(e.ctx, name, ""); return err },
		"remove":  func() error { return e.b.Remove(e.ctx, name, vzcontract.RemoveOptions{}) },
		"force":   func() error { return e.b.Remove(e.ctx, name, vzcontract.RemoveOptions{Force: true}) },
		"exec": func() error {
			_, err := e.b.Exec(e.ctx, name, vzcontract.ExecConfig{Args: []string{"true"}})
			return err
		},
		"logs": func() error {
			return e.b.Logs(e.ctx, name, vzcontract.LogOptions{Tail: -1}, func(vzcontract.LogEntry) error { return nil })
		},
	}
	for feature, more := range optionalOps(e, name) {
		if e.lacks(feature) == "" {
			ops[string(feature)] = more
		}
	}
	for op, do := range ops {
		err := do()
		e.wantClass(op, err, vzcontract.ErrNotFound)
		if err != nil && !strings.Contains(err.Error(), name) {
			e.Errorf("%s: error %q does not name the container", op, err)
		}
		var typed *vzcontract.Error
		if !errors.As(err, &typed) {
			e.Errorf("%s: error %v is no *vzcontract.Error", op, err)
		}
	}
}

// optionalOps are the operations on one container that a backend may lack.
func optionalOps(e *env, name string) map[vzcontract.Feature]func() error {
	ops := map[vzcontract.Feature]func() error{}
	if b, ok := e.b.(vzcontract.Pauser); ok {
		ops[vzcontract.FeaturePause] = func() error { return b.Pause(e.ctx, name) }
	}
	if b, ok := e.b.(vzcontract.Renamer); ok {
		ops[vzcontract.FeatureRename] = func() error { return b.Rename(e.ctx, name, "other") }
	}
	if b, ok := e.b.(vzcontract.Updater); ok {
		ops[vzcontract.FeatureUpdate] = func() error { _, err := b.Update(e.ctx, name, vzcontract.UpdateConfig{}); return err }
	}
	if b, ok := e.b.(vzcontract.Topper); ok {
		ops[vzcontract.FeatureTop] = func() error { _, err := b.Top(e.ctx, name); return err }
	}
	if b, ok := e.b.(vzcontract.Statser); ok {
		ops[vzcontract.FeatureStats] = func() error { _, err := b.Stats(e.ctx, name); return err }
	}
	if b, ok := e.b.(vzcontract.Copier); ok {
		ops[vzcontract.FeatureCopy] = func() error { _, err := b.StatPath(e.ctx, name, "/"); return err }
	}
	if b, ok := e.b.(vzcontract.FileManager); ok {
		ops[vzcontract.FeatureFiles] = func() error { return b.RemovePath(e.ctx, name, "/tmp/x") }
	}
	if b, ok := e.b.(vzcontract.Differ); ok {
		ops[vzcontract.FeatureDiff] = func() error { _, err := b.Diff(e.ctx, name); return err }
	}
	if b, ok := e.b.(vzcontract.Committer); ok {
		ops[vzcontract.FeatureCommit] = func() error { return b.Export(e.ctx, name, io.Discard) }
	}
	if b, ok := e.b.(vzcontract.Mounter); ok {
		ops[vzcontract.FeatureMount] = func() error { return b.AddMount(e.ctx, name, bind("/", "/host")) }
	}
	return ops
}

func createNameTaken(e *env) {
	cfg := e.config("true")
	cfg.Name = "taken"
	first := e.create(cfg)
	_, err := e.b.Create(e.ctx, cfg)
	e.wantClass("create with a name in use", err, vzcontract.ErrConflict)
	list, err := e.b.List(e.ctx)
	if err != nil || len(list) != 1 || list[0].ID != first.ID {
		e.Errorf("list after the conflict = %v, %v, want only the first", list, err)
	}
	if err := e.b.Remove(e.ctx, first.ID, vzcontract.RemoveOptions{}); err != nil {
		e.Fatal(err)
	}
	e.create(cfg)
}

// createNamesAtOnce lets many create the same name: one wins.
func createNamesAtOnce(e *env) {
	cfg := e.config("true")
	cfg.Name = "wanted"
	const many = 10
	errs := make(chan error, many)
	for range many {
		go func() { _, err := e.b.Create(e.ctx, cfg); errs <- err }()
	}
	won := 0
	for range many {
		switch err := <-errs; {
		case err == nil:
			won++
		case !errors.Is(err, vzcontract.ErrConflict):
			e.Errorf("create at once: %v, want a conflict", err)
		}
	}
	if won != 1 {
		e.Errorf("%d of %d creates of one name succeeded, want 1", won, many)
	}
}

// createInvalid gives settings that are wrong in themselves.
func createInvalid(e *env) {
	tests := map[string]func(c *vzcontract.RunConfig){
		"name with a slash":      func(c *vzcontract.RunConfig) { c.Name = "a/b" },
		"name that begins badly": func(c *vzcontract.RunConfig) { c.Name = "-a" },
		"no image and no root":   func(c *vzcontract.RunConfig) { c.Image, c.Rootfs = "", "" },
		"image and root":         func(c *vzcontract.RunConfig) { c.Image, c.Rootfs = "x", "/x" },
		"relative working dir":   func(c *vzcontract.RunConfig) { c.WorkingDir = "tmp" },
		"env without a name":     func(c *vzcontract.RunConfig) { c.Env = []string{"=x"} },
		"stop signal":            func(c *vzcontract.RunConfig) { c.StopSignal = "SIGNOPE" },
		"capability":             func(c *vzcontract.RunConfig) { c.Security.CapAdd = []string{"CAP_NOPE"} },
		"dropped capability":     func(c *vzcontract.RunConfig) { c.Security.CapDrop = []string{"NOPE"} },
		"ulimit":                 func(c *vzcontract.RunConfig) { c.Ulimits = []vzcontract.Ulimit{{Name: "nope", Soft: 1, Hard: 1}} },
		"ulimit soft above hard": func(c *vzcontract.RunConfig) { c.Ulimits = []vzcontract.Ulimit{{Name: "nofile", Soft: 9, Hard: 1}} },
		"sysctl of the host":     func(c *vzcontract.RunConfig) { c.Sysctls = map[string]string{"vm.swappiness": "1"} },
		"negative memory":        func(c *vzcontract.RunConfig) { c.Resources.Memory = -5 },
		"swap below memory":      func(c *vzcontract.RunConfig) { c.Resources.Memory, c.Resources.MemorySwap = 64<<20, 32<<20 },
		"negative cpus":          func(c *vzcontract.RunConfig) { c.Resources.NanoCPUs = -1 },
		"cpus and quota":         func(c *vzcontract.RunConfig) { c.Resources.NanoCPUs, c.Resources.CPUQuota = 1e9, 1000 },
		"oom score":              func(c *vzcontract.RunConfig) { n := 2000; c.Resources.OOMScoreAdj = &n },
		"relative mount target": func(c *vzcontract.RunConfig) {
			c.Mounts = []vzcontract.Mount{{Type: vzcontract.MountTmpfs, Target: "x"}}
		},
		"mount on the root": func(c *vzcontract.RunConfig) {
			c.Mounts = []vzcontract.Mount{{Type: vzcontract.MountTmpfs, Target: "/"}}
		},
		"mount type": func(c *vzcontract.RunConfig) { c.Mounts = []vzcontract.Mount{{Type: "nope", Target: "/x"}} },
		"relative bind source": func(c *vzcontract.RunConfig) {
			c.Mounts = []vzcontract.Mount{{Type: vzcontract.MountBind, Source: "x", Target: "/x"}}
		},
		"missing bind source": func(c *vzcontract.RunConfig) {
			c.Mounts = []vzcontract.Mount{{Type: vzcontract.MountBind, Source: "/no/such/source", Target: "/x"}}
		},
		"two mounts at one place":   twoMounts,
		"restart policy":            func(c *vzcontract.RunConfig) { c.Restart.Mode = "sometimes" },
		"restart with auto-remove":  func(c *vzcontract.RunConfig) { c.Restart.Mode, c.AutoRemove = vzcontract.RestartAlways, true },
		"health check without test": func(c *vzcontract.RunConfig) { c.Health = &vzcontract.HealthCheck{Test: []string{"CMD"}} },
		"health check form":         func(c *vzcontract.RunConfig) { c.Health = &vzcontract.HealthCheck{Test: []string{"SOME", "x"}} },
		"log driver":                func(c *vzcontract.RunConfig) { c.Log.Driver = "nope" },
		"port protocol": func(c *vzcontract.RunConfig) {
			c.NetworkMode, c.Ports = "", []vzcontract.PortMapping{{ContainerPort: 1, Protocol: "nope"}}
		},
		"unknown user":  func(c *vzcontract.RunConfig) { c.User = "nosuchuser" },
		"unknown group": func(c *vzcontract.RunConfig) { c.User = "app:nosuchgroup" },
		"shm size":      func(c *vzcontract.RunConfig) { c.ShmSize = -1 },
	}
	if e.cfg.Rootfs != nil {
		tests["no command"] = func(c *vzcontract.RunConfig) { c.Args = nil }
	}
	for name, change := range tests {
		cfg := e.config("true")
		change(&cfg)
		info, err := e.b.Create(e.ctx, cfg)
		if err == nil {
			// A user can also be looked up when the container starts.
			_, err = e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{})
			if !strings.Contains(name, "unknown") {
				e.Errorf("%s: create succeeded", name)
				continue
			}
			if rerr := e.b.Remove(e.ctx, info.ID, vzcontract.RemoveOptions{Force: true}); rerr != nil {
				e.Errorf("%s: remove: %v", name, rerr)
			}
		}
		e.wantClass(name, err, vzcontract.ErrValidation)
	}
	if list, err := e.b.List(e.ctx); err != nil || len(list) != 0 {
		e.Errorf("list after refused creates = %d containers, %v, want none", len(list), err)
	}
}

func twoMounts(c *vzcontract.RunConfig) {
	c.Mounts = []vzcontract.Mount{{Type: vzcontract.MountTmpfs, Target: "/x"}, {Type: vzcontract.MountTmpfs, Target: "/x/"}}
}

func createMissingImage(e *env) {
	cfg := e.config("true")
	if e.cfg.Rootfs != nil {
		cfg.Rootfs = "/no/such/root"
	} else {
		cfg.Image, cfg.Pull = "no-such-image.invalid/x:y", vzcontract.PullNever
	}
	_, err := e.b.Create(e.ctx, cfg)
	e.wantClass("create from what is not there", err, vzcontract.ErrNotFound)
}

func createCancelled(e *env) {
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	if _, err := e.b.Create(ctx, e.config("true")); !errors.Is(err, context.Canceled) {
		e.Errorf("create with a cancelled context = %v, want context.Canceled", err)
	}
	if list, err := e.b.List(e.ctx); err != nil || len(list) != 0 {
		e.Errorf("list after a cancelled create = %d containers, %v", len(list), err)
	}
}

func removeTwice(e *env) {
	info := e.create(e.config("true"))
	if err := e.b.Remove(e.ctx, info.ID, vzcontract.RemoveOptions{}); err != nil {
		e.Fatal(err)
	}
	e.wantClass("second remove", e.b.Remove(e.ctx, info.ID, vzcontract.RemoveOptions{}), vzcontract.ErrNotFound)
	_, err := e.b.Inspect(e.ctx, info.ID)
	e.wantClass("inspect after remove", err, vzcontract.ErrNotFound)
}

func removeRunning(e *env) {
	info := e.running()
	e.wantClass("remove of a running container", e.b.Remove(e.ctx, info.ID, vzcontract.RemoveOptions{}), vzcontract.ErrConflict)
	e.wantState(info.ID, vzcontract.StateRunning)
	if err := e.b.Remove(e.ctx, info.ID, vzcontract.RemoveOptions{Force: true}); err != nil {
		e.Errorf("forced remove: %v", err)
	}
	_, err := e.b.Inspect(e.ctx, info.ID)
	e.wantClass("inspect after forced remove", err, vzcontract.ErrNotFound)
}

// notRunning does to created and stopped containers what needs a running one.
func notRunning(e *env) {
	created := e.create(e.config("true"))
	stopped := e.start(e.config("true"))
	e.wait(stopped.ID)
	for state, id := range map[vzcontract.State]string{vzcontract.StateCreated: created.ID, vzcontract.StateStopped: stopped.ID} {
		e.wantClass("kill of a "+string(state)+" container", e.b.Kill(e.ctx, id, "TERM"), vzcontract.ErrConflict)
		_, err := e.b.Attach(e.ctx, id, vzcontract.AttachOptions{})
		e.wantClass("attach to a "+string(state)+" container", err, vzcontract.ErrConflict)
		_, err = e.b.Exec(e.ctx, id, vzcontract.ExecConfig{Args: []string{"true"}})
		e.wantClass("exec in a "+string(state)+" container", err, vzcontract.ErrConflict)
		e.wantState(id, state)
	}
}

func signalUnknown(e *env) {
	info := e.running()
	for _, signal := range []string{"NOPE", "SIGNOPE", "-1", "0", "999", "TERM KILL"} {
		e.wantClass("kill "+signal, e.b.Kill(e.ctx, info.ID, signal), vzcontract.ErrValidation)
		e.wantClass("stop "+signal, e.b.Stop(e.ctx, info.ID, vzcontract.StopOptions{Signal: signal}), vzcontract.ErrValidation)
	}
	e.wantState(info.ID, vzcontract.StateRunning)
}

func waitCancelled(e *env) {
	info := e.running()
	ctx, cancel := context.WithCancel(e.ctx)
	errs := make(chan error, 1)
	go func() { _, err := e.b.Wait(ctx, info.ID, ""); errs <- err }()
	cancel()
	if err := <-errs; !errors.Is(err, context.Canceled) {
		e.Errorf("cancelled wait = %v, want context.Canceled", err)
	}
	e.wantState(info.ID, vzcontract.StateRunning)
}

func waitDeadline(e *env) {
	info := e.running()
	ctx, cancel := context.WithTimeout(e.ctx, time.Millisecond)
	defer cancel()
	_, err := e.b.Wait(ctx, info.ID, "")
	if !errors.Is(err, context.DeadlineExceeded) {
		e.Errorf("wait past its deadline = %v, want context.DeadlineExceeded", err)
	}
	e.wantState(info.ID, vzcontract.StateRunning)
}

func startMissingProgram(e *env) {
	for _, args := range [][]string{{"no-such-program"}, {"/no/such/program"}} {
		info := e.create(e.config(args...))
		_, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{})
		e.wantClass("start "+args[0], err, vzcontract.ErrNoSuchProgram)
		if after := e.inspect(info.ID); after.State == vzcontract.StateRunning || after.Error == "" {
			e.Errorf("after a failed start: state %s, error %q, want a reason and not running", after.State, after.Error)
		}
		if err := e.b.Remove(e.ctx, info.ID, vzcontract.RemoveOptions{}); err != nil {
			e.Errorf("remove after a failed start: %v", err)
		}
	}
}

func startNotExecutable(e *env) {
	for _, name := range []string{"/etc/passwd", "/etc"} {
		info := e.create(e.config(name))
		_, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{})
		e.wantClass("start "+name, err, vzcontract.ErrCannotExec)
		if errors.Is(err, vzcontract.ErrNoSuchProgram) {
			e.Errorf("start %s: error %q also says that it does not exist", name, err)
		}
	}
}

func closeTwice(e *env) {
	b := e.cfg.New(e.T)
	if err := b.Close(); err != nil {
		e.Errorf("close: %v", err)
	}
	if err := b.Close(); err != nil {
		e.Errorf("second close: %v", err)
	}
}

// equal compares two lists.
func equal(a, b []string) bool { return slices.Equal(a, b) }
