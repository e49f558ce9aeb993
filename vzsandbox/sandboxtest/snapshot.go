package sandboxtest

import (
	"fmt"
	"math/rand/v2"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
)

var snapshotChecks = []check{
	{name: "snapshot", run: snapshot, needs: vzsandbox.AbilitySnapshots},
	{name: "snapshot-errors", run: snapshotErrors, needs: vzsandbox.AbilitySnapshots},
	{name: "fork", run: fork, needs: vzsandbox.AbilitySnapshots},
	{name: "snapshot-again", run: snapshotAgain, needs: vzsandbox.AbilitySnapshots},
	{name: "pause", run: pause, needs: vzsandbox.AbilityPause},
	{name: "pause-again", run: pauseAgain, needs: vzsandbox.AbilityPause},
}

func snapshot(e *env) {
	dir := e.project()
	s := e.create(vzsandbox.CreateOptions{Project: &vzsandbox.Project{Dir: dir}})
	e.shell(s, "echo one > /tmp/state")
	e.must(s.Snapshot(e.ctx, "one"))
	e.shell(s, "echo two > /tmp/state; echo more > /tmp/more")
	e.must(s.Snapshot(e.ctx, "two"))
	p, _ := e.begin(s, "echo begun; exec sleep 1000")
	e.must(s.Restore(e.ctx, "one"))
	if exit, err := p.Wait(e.ctx); err == nil && exit.Code != 137 {
		e.Errorf("a program of before the restore has ended with %+v", exit)
	}
	e.must(p.Close())
	e.want(s, "cat /tmp/state file; test -e /tmp/more || echo no more", "one\nfrom the host\nno more\n")
	e.must(s.Snapshot(e.ctx, "three"))
	e.must(s.Restore(e.ctx, "two"))
	e.want(s, "cat /tmp/state", "two\n")
	i := e.info(s)
	if i.State != vzcontract.SandboxReady || i.Base != "two" || len(i.Snapshots) != 3 {
		e.Fatalf("info = %+v", i)
	}
	for n, want := range []vzsandbox.Snapshot{{Name: "one"}, {Name: "two", Parent: "one"}, {Name: "three", Parent: "one"}} {
		if got := i.Snapshots[n]; got.Name != want.Name || got.Parent != want.Parent || got.Pending || got.CreatedAt.IsZero() {
			e.Errorf("snapshot %d = %+v, want %+v", n, got, want)
		}
	}
}

func snapshotErrors(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	e.must(s.Snapshot(e.ctx, "one"))
	e.wantClass("a name in use", s.Snapshot(e.ctx, "one"), vzcontract.ErrConflict)
	e.wantClass("an invalid name", s.Snapshot(e.ctx, "a/b"), vzcontract.ErrValidation)
	p, _ := e.begin(s, "echo begun; exec sleep 1000")
	e.wantClass("restore of a missing snapshot", s.Restore(e.ctx, "none"), vzcontract.ErrNotFound)
	e.must(p.Signal(e.ctx, "WINCH")) // it lives
	e.must(p.Close())
	_, err := s.Fork(e.ctx, "none", "")
	e.wantClass("fork of a missing snapshot", err, vzcontract.ErrNotFound)
	if i := e.info(s); len(i.Snapshots) != 1 {
		e.Errorf("snapshots = %+v", i.Snapshots)
	}
}

func fork(e *env) {
	s := e.create(vzsandbox.CreateOptions{Name: "parent"})
	e.shell(s, "echo saved > /tmp/state")
	e.must(s.Snapshot(e.ctx, "one"))
	e.shell(s, "echo later > /tmp/state")
	f, err := s.Fork(e.ctx, "one", "child")
	e.must(err)
	e.want(f, "cat /tmp/state; pwd", "saved\n/workspace\n")
	e.shell(f, "echo child > /tmp/state")
	e.want(s, "cat /tmp/state", "later\n")
	i := e.info(f)
	if i.Name != "child" || i.Origin == nil || i.Origin.ID != s.ID() || i.Origin.Name != "parent" || i.Origin.Snapshot != "one" {
		e.Errorf("info = %+v", i)
	}
	e.must(s.Remove(e.ctx))
	e.want(f, "cat /tmp/state", "child\n")
}

// snapshotAgain goes through many snapshots and restores at random; each time the files
// must be those of then.
func snapshotAgain(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	random := rand.New(rand.NewPCG(1, 2))
	saved, now := map[string]string{}, ""
	names := []string{}
	for n := range 12 {
		if len(names) > 0 && random.IntN(3) == 0 {
			name := names[random.IntN(len(names))]
			e.must(s.Restore(e.ctx, name))
			now = saved[name]
		} else {
			now += fmt.Sprintln(n)
			e.shell(s, fmt.Sprintf("echo %d >> /root/log", n))
			name := fmt.Sprintf("s%d", n)
			e.must(s.Snapshot(e.ctx, name))
			names, saved[name] = append(names, name), now
		}
		e.want(s, "cat /root/log", now)
	}
	if i := e.info(s); len(i.Snapshots) != len(names) {
		e.Errorf("%d snapshots, want %d", len(i.Snapshots), len(names))
	}
}

func pause(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	e.must(s.Pause(e.ctx))
	e.must(s.Pause(e.ctx))
	if i := e.info(s); !i.Paused || i.State != vzcontract.SandboxReady {
		e.Errorf("info = %+v", i)
	}
	_, err := s.Run(e.ctx, sh("true"))
	e.wantClass("run in a paused sandbox", err, vzcontract.ErrConflict)
	e.must(s.Resume(e.ctx))
	e.must(s.Resume(e.ctx))
	e.want(s, "echo on", "on\n")
}

// pauseAgain pauses a program that writes numbers many times: none is lost or doubled.
func pauseAgain(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	const rounds = 20
	p, out := e.begin(s, "n=0; while test $n -lt 200; do echo $n; n=$((n+1)); done")
	for range rounds {
		e.must(s.Pause(e.ctx))
		e.must(s.Resume(e.ctx))
	}
	for n := 1; n < 200; n++ {
		line, err := out.ReadString('\n')
		if err != nil || line != fmt.Sprintln(n) {
			e.Fatalf("line %d = %q, %v", n, line, err)
		}
	}
	if exit, err := p.Wait(e.ctx); err != nil || exit.Code != 0 {
		e.Errorf("exit = %+v, %v", exit, err)
	}
	e.must(p.Close())
}
