package sandboxtest

import (
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
)

var timeChecks = []check{
	{name: "ttl", run: ttl},
	{name: "idle-timeout", run: idleTimeout},
}

// ttl ends a sandbox that runs something, without the one who made it.
func ttl(e *env) {
	e.tmpl.TTL = 500 * time.Millisecond
	s := e.create(vzsandbox.CreateOptions{})
	if i := e.info(s); i.ExpiresAt.Before(i.CreatedAt) {
		e.Errorf("info = %+v", i)
	}
	_, err := e.b.Wait(e.ctx, s.ID(), vzcontract.WaitNotRunning)
	e.must(err)
	if i := e.info(s); i.State != vzcontract.SandboxTerminated {
		e.Errorf("state after the time = %s", i.State)
	}
	_, err = s.Run(e.ctx, sh("true"))
	e.wantClass("run when the time is over", err, vzcontract.ErrConflict)
	if removed, err := e.host.Sweep(e.ctx); err != nil || len(removed) != 1 || removed[0] != s.Name() {
		e.Errorf("sweep = %q, %v", removed, err)
	}
}

// idleTimeout removes a sandbox that nobody uses, and none that runs a command.
func idleTimeout(e *env) {
	e.tmpl.IdleTimeout = time.Second
	s := e.create(vzsandbox.CreateOptions{})
	other, err := e.host.Open(e.ctx, s.ID()) // as another process would
	e.must(err)
	for _, by := range []*vzsandbox.Sandbox{s, other} {
		e.want(by, "sleep 2; echo worked", "worked\n")
	}
	_, err = e.b.Wait(e.ctx, s.ID(), vzcontract.WaitRemoved)
	e.must(err)
	kept := e.create(vzsandbox.CreateOptions{})
	e.must(kept.Close())
	e.want(kept, "sleep 2; echo kept", "kept\n")
}
