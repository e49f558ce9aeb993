package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/poolsocket"
	"vz.internal/vzsandbox"
)

type serve struct {
	Pool          string `arg:"" help:"Name of the pool."`
	Image         string `arg:"" help:"Image."`
	Size          int    `short:"n" default:"2" placeholder:"N" help:"How many sandboxes are kept ready (2)."`
	Detach        bool   `short:"d" help:"Return when the pool serves, and go on in the background until vz sandbox pool stop."`
	Root          string `placeholder:"DIR" help:"Directory below which projects of acquire must lie ($VZ_SANDBOX_ROOT, else the current one)."`
	templateFlags `embed:""`
}

// closeTime bounds the removal of a pool's sandboxes.
const closeTime = time.Minute

// Run implements command.Verb.
func (c *serve) Run(env *command.Env) error {
	tell := starter()
	if c.Size < 1 {
		return command.Usagef("--size %d: want at least 1", c.Size)
	}
	t, h, s, err := c.prepare(env, c.Image, c.Root)
	if err != nil {
		return err
	}
	if c.Detach && tell == nil {
		return c.detach(env, pools(s))
	}
	lock, err := pools(s).Lock(c.Pool)
	if err != nil {
		return err
	}
	pool, err := h.NewPool(env.Ctx, t, vzsandbox.PoolOptions{Name: c.Pool, Size: c.Size})
	if err != nil {
		return errors.Join(err, lock.Release())
	}
	return c.serve(env, pool, lock, tell)
}

// serve answers until a signal comes or somebody asks for the end, which both are no
// failure. A second signal gives the removal of the sandboxes up.
func (c *serve) serve(env *command.Env, pool *vzsandbox.Pool, lock *poolsocket.Lock, tell *os.File) error {
	life, end := context.WithCancel(env.Ctx)
	defer end()
	closing, giveUp := context.WithCancelCause(context.WithoutCancel(env.Ctx))
	defer giveUp(nil)
	restore := env.Signals.Divert(func(os.Signal) {
		if life.Err() != nil {
			giveUp(errors.New("interrupted twice"))
		}
		end()
	})
	defer restore()
	shut := func() error {
		end()
		ctx, cancel := context.WithTimeout(closing, closeTime)
		defer cancel()
		err := pool.Close(ctx)
		if err != nil {
			return errors.Join(fmt.Errorf("%w; vz sandbox prune removes what is left", err), lock.Release())
		}
		return errors.Join(lock.RemoveLog(), lock.Release())
	}
	l, err := lock.Listen()
	if err != nil {
		return errors.Join(err, shut())
	}
	server := poolsocket.Server{Pool: pool, Size: c.Size, Image: c.Image, End: shut}
	if err := c.ready(env, tell); err != nil {
		return errors.Join(err, l.Close(), shut())
	}
	return server.Serve(life, l)
}

// ready tells that commands may ask for sandboxes from now on: on stdout, or through the
// pipe to the process that has started this one.
func (c *serve) ready(env *command.Env, tell *os.File) error {
	document := map[string]any{"name": c.Pool, "size": c.Size, "pid": os.Getpid()}
	if tell == nil {
		return printed(env, c.Pool, document)
	}
	there := *env
	there.Stdout = tell
	return errors.Join(printed(&there, c.Pool, document), tell.Close())
}
