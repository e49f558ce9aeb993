package sandbox

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzsandbox"
)

type port struct {
	Sandbox string `arg:"" help:"Sandbox."`
	Port    uint16 `arg:"" help:"TCP port inside, on which a program listens or will."`
	Local   string `arg:"" optional:"" placeholder:"[HOST:]PORT" help:"Where to listen (a free port of 127.0.0.1), or - for stdin and stdout of one connection."`
}

// Run implements command.Verb.
func (c *port) Run(env *command.Env) error {
	switch {
	case c.Port == 0:
		return command.Usagef("port: port 0: want one from 1 to 65535")
	case c.Local == "-" && env.Globals.JSON:
		return command.Usagef("port: --json excludes -: stdout is the connection's")
	case c.Local == "-":
		return with(env, c.Sandbox, func(box *vzsandbox.Sandbox) error { return c.connect(env, box) })
	}
	address, err := listenAddress(c.Local)
	if err != nil {
		return err
	}
	return with(env, c.Sandbox, func(box *vzsandbox.Sandbox) error { return c.forward(env, box, address) })
}

// listenAddress is where [HOST:]PORT means; without a host it is 127.0.0.1.
func listenAddress(local string) (string, error) {
	if local == "" {
		return "127.0.0.1:0", nil
	}
	host, number := "127.0.0.1", local
	if strings.Contains(local, ":") {
		var err error
		if host, number, err = net.SplitHostPort(local); err != nil {
			return "", command.Usagef("port: %s: want PORT, HOST:PORT or [IPv6]:PORT", local)
		}
	}
	if _, err := strconv.ParseUint(number, 10, 16); err != nil {
		return "", command.Usagef("port: %s: want a number from 0 (a free one) to 65535 as the port", local)
	}
	return net.JoinHostPort(host, number), nil
}

// forwarded is what port prints with --json.
type forwarded struct {
	Address     string `json:"address"` // where it listens: HOST:PORT
	Sandbox     string `json:"sandbox"`
	SandboxPort uint16 `json:"sandboxPort"`
}

// forward carries connections until a signal comes, which is no failure.
func (c *port) forward(env *command.Env, box *vzsandbox.Sandbox, address string) error {
	var config net.ListenConfig
	l, err := config.Listen(env.Ctx, "tcp", address)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(env.Ctx)
	defer end()
	defer env.Signals.Divert(func(os.Signal) { end() })()
	at := l.Addr().String()
	if err := printed(env, at, forwarded{Address: at, Sandbox: box.Name(), SandboxPort: c.Port}); err != nil {
		return errors.Join(err, l.Close())
	}
	return box.Forward(ctx, l, c.Port)
}

// connect carries stdin to the port and what comes back to stdout, until that ends.
func (c *port) connect(env *command.Env, box *vzsandbox.Sandbox) error {
	conn, err := box.Dial(env.Ctx, c.Port)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(env.Ctx, func() { _ = conn.Close() })
	defer stop()
	go func() { // until stdin ends, or the program
		if _, err := io.Copy(conn, env.Stdin); err == nil {
			_ = conn.(interface{ CloseWrite() error }).CloseWrite() // the other side may have gone
		}
	}()
	_, err = io.Copy(env.Stdout, conn)
	if env.Ctx.Err() != nil {
		return context.Cause(env.Ctx)
	}
	return err
}
