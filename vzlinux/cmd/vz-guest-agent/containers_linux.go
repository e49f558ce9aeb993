//go:build !nocontainers

package main

import (
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinux/internal/agent"
	"vz.internal/vzlinux/internal/agent/cards"
	"vz.internal/vzlinux/internal/agent/image"
	"vz.internal/vzlinuxnative"
)

// Where the guest keeps its containers. The host mounts a disk at stateDir, or it is
// memory.
const (
	stateDir = "/var/lib/vz"
	runDir   = "/run/vz"
)

// monitor is this program as the monitor of a container: it returns false if it was
// started as something else.
func monitor(args []string) (code int, is bool) {
	if len(args) < 3 || args[1] != "internal" || args[2] != "monitor" {
		return 0, false
	}
	return vzlinuxnative.MonitorMain(args[3:]), true
}

// containers returns what the agent of a Linux guest runs containers with.
func containers(log *slog.Logger) (*agent.Containers, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	images := image.New(filepath.Join(stateDir, "images.json"))
	b, err := vzlinuxnative.Open(vzlinuxnative.Options{
		Home: stateDir, Run: runDir, Images: images, Monitor: []string{self, "internal", "monitor"}, Sync: sync, Log: log,
	})
	if err != nil {
		return nil, err
	}
	return &agent.Containers{Backend: b, Images: images, Sync: sync}, nil
}

// networkCards returns what the agent of a Linux guest makes its network with.
func networkCards() agent.Cards { return &cards.Cards{} }

// sync writes the file system below stateDir to its disk.
func sync() error {
	f, err := os.Open(stateDir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
