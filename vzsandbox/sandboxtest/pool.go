package sandboxtest

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
)

var poolChecks = []check{
	{name: "pool-fresh", run: poolFresh},
	{name: "pool-restore", run: poolRestore, needs: vzsandbox.AbilitySnapshots},
	{name: "pool-reuse", run: poolReuse},
	{name: "pool-name", run: poolName, needs: vzsandbox.AbilityRename},
	{name: "pool-copy", run: poolCopy, needs: vzsandbox.AbilityCopy},
	{name: "pool-mount", run: poolMount, needs: vzsandbox.AbilityLiveMounts},
	{name: "pool-mount-restore", run: poolMountRestore, needs: vzsandbox.AbilityLiveMounts},
	{name: "pool-dead", run: poolDead},
	{name: "pool-keep", run: poolKeep},
	{name: "pool-many", run: poolMany},
}

// pool opens a pool of one sandbox, which ends with the check and leaves nothing.
func (e *env) pool(opts vzsandbox.PoolOptions) *vzsandbox.Pool {
	e.Helper()
	opts.Name, opts.Size = "pool", 1
	p, err := e.host.NewPool(e.ctx, e.tmpl, opts)
	e.must(err)
	e.Cleanup(func() {
		ctx, cancel := e.afterwards()
		defer cancel()
		e.must(p.Close(ctx))
		if list, err := e.host.List(ctx); err != nil || len(list) > 0 {
			e.Errorf("a closed pool has left %+v, %v", list, err)
		}
	})
	return p
}

func (e *env) acquire(p *vzsandbox.Pool, opts vzsandbox.AcquireOptions) *vzsandbox.Sandbox {
	e.Helper()
	opts.Wait = true
	s, err := p.Acquire(e.ctx, opts)
	e.must(err)
	return s
}

func poolFresh(e *env) {
	p := e.pool(vzsandbox.PoolOptions{})
	first := e.acquire(p, vzsandbox.AcquireOptions{Labels: map[string]string{"who": "me"}})
	e.shell(first, "echo mine > /tmp/mine")
	if i := e.info(first); i.Pool != "pool" || !i.Taken || i.Labels["who"] != "me" {
		e.Errorf("info = %+v", i)
	}
	e.must(p.Release(e.ctx, first))
	_, err := first.Run(e.ctx, sh("true"))
	if err == nil {
		e.Error("a sandbox that was given back can be used")
	}
	e.wantClass("a second release", p.Release(e.ctx, first), vzcontract.ErrConflict)
	second := e.acquire(p, vzsandbox.AcquireOptions{})
	if second.ID() == first.ID() {
		e.Error("a sandbox was handed out twice")
	}
	e.want(second, "test -e /tmp/mine || echo fresh", "fresh\n")
	e.must(second.Remove(e.ctx))
}

func poolRestore(e *env) {
	p := e.pool(vzsandbox.PoolOptions{Isolation: vzsandbox.IsolationRestore, Max: 1})
	first := e.acquire(p, vzsandbox.AcquireOptions{Labels: map[string]string{"who": "me"}})
	proc, _ := e.begin(first, tree)
	e.shell(first, "echo mine > /tmp/mine")
	e.must(p.Release(e.ctx, first))
	_, err := first.Run(e.ctx, sh("true"))
	e.wantClass("a sandbox that was given back", err, vzcontract.ErrConflict)
	second := e.acquire(p, vzsandbox.AcquireOptions{})
	if second.ID() != first.ID() {
		e.Error("the sandbox was not handed out again")
	}
	e.wantClass("remove by who gave it back", first.Remove(e.ctx), vzcontract.ErrConflict)
	e.wantClass("pause by who gave it back", first.Pause(e.ctx), vzcontract.ErrConflict)
	e.want(second, "test -e /tmp/mine || test -e /tmp/child || echo restored", "restored\n")
	if i := e.info(second); i.Labels["who"] != "" {
		e.Errorf("labels of before: %q", i.Labels)
	}
	e.must(proc.Close())
}

func poolReuse(e *env) {
	p := e.pool(vzsandbox.PoolOptions{Isolation: vzsandbox.IsolationReuse, Max: 1})
	first := e.acquire(p, vzsandbox.AcquireOptions{})
	e.shell(first, "echo mine > /tmp/mine")
	e.must(p.Release(e.ctx, first))
	second := e.acquire(p, vzsandbox.AcquireOptions{})
	e.want(second, "cat /tmp/mine", "mine\n")
	proc, _ := e.begin(second, tree) // runs when it is given back
	e.must(p.Release(e.ctx, second))
	third := e.acquire(p, vzsandbox.AcquireOptions{})
	if third.ID() == second.ID() {
		e.Error("a sandbox was reused while a program ran")
	}
	e.must(proc.Close())
}

func poolName(e *env) {
	p := e.pool(vzsandbox.PoolOptions{Isolation: vzsandbox.IsolationReuse, Max: 1})
	s := e.acquire(p, vzsandbox.AcquireOptions{Name: "mine"})
	if got, err := e.host.Open(e.ctx, "mine"); err != nil || got.ID() != s.ID() {
		e.Errorf("open by its name: %v", err)
	}
	e.must(p.Release(e.ctx, s))
	_, err := e.host.Open(e.ctx, "mine")
	e.wantClass("the name of a sandbox that was given back", err, vzcontract.ErrNotFound)
	other, err := e.b.Create(e.ctx, vzcontract.RunConfig{Name: "other", Image: e.tmpl.Image, Rootfs: e.tmpl.Rootfs, Args: []string{"true"}})
	e.must(err)
	_, err = p.Acquire(e.ctx, vzsandbox.AcquireOptions{Name: "other", Wait: true})
	e.wantClass("a name in use", err, vzcontract.ErrConflict)
	e.must(e.b.Remove(e.ctx, other.ID, vzcontract.RemoveOptions{}))
}

func poolCopy(e *env) {
	dir := e.project()
	p := e.pool(vzsandbox.PoolOptions{})
	s := e.acquire(p, vzsandbox.AcquireOptions{Project: &vzsandbox.Project{Dir: dir, Copy: true}})
	e.want(s, "cat file; echo x > file; sub/run", "from the host\nit runs\n")
	_, err := p.Acquire(e.ctx, vzsandbox.AcquireOptions{Project: &vzsandbox.Project{Dir: "/etc", Copy: true}, Wait: true})
	e.wantClass("a project outside of the root", err, vzcontract.ErrDenied)
}

func poolMount(e *env) {
	dir := e.project()
	p := e.pool(vzsandbox.PoolOptions{Isolation: vzsandbox.IsolationReuse, Max: 1})
	s := e.acquire(p, vzsandbox.AcquireOptions{Project: &vzsandbox.Project{Dir: dir, Writable: true}})
	e.want(s, "cat file; echo x > new; sub/run", "from the host\nit runs\n")
	if _, err := os.Stat(filepath.Join(dir, "new")); err != nil {
		e.Error(err)
	}
	e.must(p.Release(e.ctx, s))
	s = e.acquire(p, vzsandbox.AcquireOptions{})
	e.want(s, "test -e file || echo no project", "no project\n")
}

// poolMountRestore mounts again after a restore of its user, and not for the next one.
func poolMountRestore(e *env) {
	dir := e.project()
	p := e.pool(vzsandbox.PoolOptions{Isolation: vzsandbox.IsolationRestore, Max: 1})
	s := e.acquire(p, vzsandbox.AcquireOptions{Project: &vzsandbox.Project{Dir: dir}})
	e.must(s.Snapshot(e.ctx, "one"))
	e.must(s.Restore(e.ctx, "one"))
	e.want(s, "cat file; touch file 2>/dev/null || echo read-only", "from the host\nread-only\n")
	fork, err := s.Fork(e.ctx, "one", "")
	e.must(err)
	e.want(fork, "cat file; touch file 2>/dev/null || echo read-only", "from the host\nread-only\n")
	e.must(fork.Remove(e.ctx))
	e.must(p.Release(e.ctx, s))
	next := e.acquire(p, vzsandbox.AcquireOptions{})
	if next.ID() != s.ID() {
		e.Error("the sandbox was not handed out again")
	}
	e.want(next, "test -e file || echo no project", "no project\n")
}

// poolDead kills what is warm: another one takes its place.
func poolDead(e *env) {
	p := e.pool(vzsandbox.PoolOptions{})
	first := e.acquire(p, vzsandbox.AcquireOptions{})
	e.must(p.Release(e.ctx, first))
	list, err := e.host.List(e.ctx)
	for err == nil && (len(list) != 1 || list[0].State != vzcontract.SandboxReady) {
		list, err = e.host.List(e.ctx)
	}
	e.must(err)
	e.must(e.b.Kill(e.ctx, list[0].ID, "KILL"))
	if _, err := e.b.Wait(e.ctx, list[0].ID, vzcontract.WaitNotRunning); err != nil {
		e.wantClass("the dead one", err, vzcontract.ErrNotFound) // it may have been replaced already
	}
	second := e.acquire(p, vzsandbox.AcquireOptions{})
	if second.ID() == list[0].ID {
		e.Error("a dead sandbox was handed out")
	}
	e.want(second, "echo lives", "lives\n")
	_, err = e.b.Wait(e.ctx, list[0].ID, vzcontract.WaitRemoved)
	if err != nil {
		e.wantClass("the dead one", err, vzcontract.ErrNotFound)
	}
}

func poolKeep(e *env) {
	p, err := e.host.NewPool(e.ctx, e.tmpl, vzsandbox.PoolOptions{Name: "pool", Size: 1})
	e.must(err)
	kept := e.acquire(p, vzsandbox.AcquireOptions{Keep: true})
	lost := e.acquire(p, vzsandbox.AcquireOptions{})
	e.wantClass("release of a kept one", p.Release(e.ctx, kept), vzcontract.ErrConflict)
	e.must(p.Close(e.ctx))
	e.must(p.Close(e.ctx))
	_, err = p.Acquire(e.ctx, vzsandbox.AcquireOptions{Wait: true})
	e.wantClass("a closed pool", err, vzcontract.ErrConflict)
	_, err = e.b.Inspect(e.ctx, lost.ID())
	e.wantClass("what was handed out by a closed pool", err, vzcontract.ErrNotFound)
	removed, err := e.host.Sweep(e.ctx)
	if err != nil || len(removed) > 0 {
		e.Errorf("sweep = %q, %v", removed, err)
	}
	e.want(kept, "echo kept", "kept\n")
	if i := e.info(kept); i.Pool != "" {
		e.Errorf("info = %+v", i)
	}
}

// poolMany has more who want a sandbox than there are: nobody meets another's.
func poolMany(e *env) {
	isolations := []vzsandbox.Isolation{vzsandbox.IsolationFresh, vzsandbox.IsolationReuse}
	if e.host.Capabilities().Has(vzsandbox.AbilitySnapshots) {
		isolations = append(isolations, vzsandbox.IsolationRestore)
	}
	for _, isolation := range isolations {
		p, err := e.host.NewPool(e.ctx, e.tmpl, vzsandbox.PoolOptions{Name: string(isolation), Size: 2, Max: 3, Isolation: isolation})
		e.must(err)
		var all sync.WaitGroup
		var held sync.Map
		for i := range 6 {
			all.Go(func() {
				for n := range 3 {
					if err := e.turn(p, &held, fmt.Sprintf("%d-%d", i, n), isolation); err != nil {
						e.Errorf("%s: %v", isolation, err)
						return
					}
				}
			})
		}
		all.Wait()
		if st := p.Status(); st.Taken != 0 || st.Idle+st.Making > 3 || st.Err != nil {
			e.Errorf("%s: status afterwards = %+v", isolation, st)
		}
		e.must(p.Close(e.ctx))
		if list, err := e.host.List(e.ctx); err != nil || len(list) > 0 {
			e.Errorf("%s: left %+v, %v", isolation, list, err)
		}
	}
}

// turn takes a sandbox, works in it alone and gives it back.
func (e *env) turn(p *vzsandbox.Pool, held *sync.Map, who string, isolation vzsandbox.Isolation) error {
	s, err := p.Acquire(e.ctx, vzsandbox.AcquireOptions{Wait: true, Metadata: map[string]string{"who": who}})
	if err != nil {
		return err
	}
	if other, loaded := held.LoadOrStore(s.ID(), who); loaded {
		return fmt.Errorf("%s and %s have the same sandbox", who, other)
	}
	r, err := s.Run(e.ctx, sh("cat /tmp/who 2>/dev/null; echo "+who+" > /tmp/who; cat /tmp/who"))
	if err != nil {
		return err
	}
	if got := string(r.Stdout); got != who+"\n" && isolation != vzsandbox.IsolationReuse {
		return fmt.Errorf("%s finds %q", who, got)
	}
	if i, err := s.Info(e.ctx); err != nil || i.Metadata["who"] != who {
		return fmt.Errorf("info of %s = %+v, %v", who, i, err)
	}
	held.Delete(s.ID())
	return p.Release(e.ctx, s)
}
