// Command vz-guest-agent serves the host of a virtual machine in its guest: it
// runs programs and containers, moves files, forwards ports and configures the
// guest, over AF_VSOCK port 7424. As process 1 of a Linux guest it boots that guest
// first; on macOS it is started by launchd. With the arguments "internal monitor" it
// is the monitor of one container.
//
// Built with the tag nocontainers it runs programs but no containers: a third of the size,
// for guests of `vz vm`.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"

	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/internal/agent"
	"vz.internal/vzlinux/internal/agent/boot"
	"vz.internal/vzlinux/internal/vsock"
)

// knock tells a host that waits for this agent that it is there. One that does not wait
// finds out by itself.
func knock(ctx context.Context) {
	if conn, err := vsock.Dial(ctx, vsock.Host, agentproto.Port); err == nil {
		_ = conn.Close()
	}
}

func main() {
	// A monitor may be the first process of its own namespace, so this comes first.
	if code, is := monitor(os.Args); is {
		os.Exit(code)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	if boot.Is() {
		boot.Main(log)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	a := &agent.Agent{Version: vzlinux.Version, Log: log}
	if runtime.GOOS == "darwin" { // launchd's daemon
		a.Shutdown = boot.Shutdown
	}
	if slices.Contains(os.Args[1:], boot.Argument) {
		a.Capabilities = append(a.Capabilities, agentproto.CapabilityInit)
		a.Shutdown, a.Cards = boot.Shutdown, networkCards()
		var err error
		if a.Containers, err = containers(log); err != nil {
			log.Error("containers", "error", err)
		} else if a.Containers != nil {
			a.Capabilities = append(a.Capabilities, agentproto.CapabilityContainers)
		}
	}
	l, err := vsock.Listen(agentproto.Port)
	if err == nil {
		log.Info("ready", "version", a.Version)
		go knock(ctx)
		err = a.Serve(ctx, l)
	}
	if err != nil && ctx.Err() == nil {
		log.Error("serve", "error", err)
		os.Exit(1)
	}
}
