package sim

import (
	"context"

	"vz.internal/vzcontract/fake/internal/tree"
)

// RunTrap runs a trap's action in an empty container and reports whether it
// exits the shell, and with what.
func RunTrap(action string) (code int, exited bool) {
	k := NewKernel(tree.NewView(tree.Mount{Target: "/", FS: tree.NewMem()}))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p := &Process{
		Spec: Spec{Args: []string{"sh"}, Dir: "/"}, k: k, PID: 1,
		ctx: ctx, cancel: cancel, traps: map[int]string{}, wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	p.root = p
	sh := newShell(p, p.Args)
	sh.source(action)
	return sh.status, sh.exiting
}
