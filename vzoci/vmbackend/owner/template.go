//go:build unix

package owner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzoci/vmbackend/internal/guest"
	"vz.internal/vzoci/vmbackend/warm"
)

// A Template says of which guest to make a snapshot.
type Template struct {
	Home string // of the backend
	// Driver opens machines for guests of Arch.
	Driver vzcore.Driver
	Arch   string
	// Bundle is the directory of what the guest boots from; empty finds it.
	Bundle string
	CPUs   int
	Memory uint64
	Disk   int64 // bytes; 0 is that of containers without a limit
	// Network: the machines have a network of their own. Cards is how many cards they
	// have on the host's, and Wire as in Options.
	Network bool
	Cards   int
	Wire    func() Wiring
	// Fresh: the machines have no container yet, so their disks are in the snapshot
	// too. It is for the others with a disk that the guest has not looked at.
	Fresh bool
	// Format makes a disk with an empty ext4 file system; nil is MakeDisk.
	Format func(ctx context.Context, path string, size int64) error
}

// template returns the template of the machine.
func (o *owner) template(opts Options) Template {
	r := o.record
	return Template{
		Home: opts.Home, Driver: opts.Driver, Arch: opts.Arch, Bundle: r.Bundle, CPUs: r.CPUs, Memory: r.Memory, Disk: r.Disk,
		Network: r.MAC != "", Cards: cards(r), Wire: opts.Wire, Fresh: o.fresh, Format: opts.Format,
	}
}

// Warm boots a guest that nothing runs in and saves it, for machines like it to start
// from. It does nothing if there is such a snapshot or another process makes one.
func Warm(ctx context.Context, t Template) (err error) {
	maker, err := warm.At(t.Home).Maker()
	if maker == nil || err != nil {
		return err
	}
	defer func() { err = errors.Join(err, maker.Close()) }()
	cfg, err := t.config(ctx, maker.Scratch)
	if err != nil {
		return err
	}
	vm, err := vzcore.New(t.Driver, cfg, maker.Scratch)
	if err != nil {
		return err
	}
	defer vm.Close()
	if t.Cards > 0 {
		wiring := t.Wire()
		defer func() { err = errors.Join(err, wiring.Close()) }()
		if err := vm.SetCards(wiring.Card); err != nil {
			return err
		}
	}
	m, err := vm.Manifest(ctx)
	if err != nil {
		return err
	}
	return maker.Make(m.Fingerprint(), func(dir string) error {
		ctx, cancel := context.WithTimeout(ctx, bootTime)
		defer cancel()
		if err := vm.Start(ctx); err != nil {
			return err
		}
		agent, err := vzlinux.Await(ctx, func(ctx context.Context, port uint32) (agentproto.Conn, error) { return vm.Dial(ctx, port) }, vm.Listen)
		if err != nil {
			return err
		}
		defer agent.Close()
		if t.Fresh {
			if err := t.prepare(ctx, agent); err != nil {
				return fmt.Errorf("prepare the guest: %w", err)
			}
		}
		if err := agent.Call(ctx, agentproto.MethodFreeze, struct{}{}, nil); err != nil {
			return err
		}
		return vm.Save(ctx, dir, map[string]string{"agent": agent.Hello().Version})
	})
}

// config is that of the machines, with a disk of its own.
func (t Template) config(ctx context.Context, dir string) (config.Config, error) {
	disk, size := filepath.Join(dir, "disk"), guest.Record{Disk: t.Disk}.DiskBytes()
	var err error
	switch {
	case !t.Fresh:
		err = errors.Join(os.WriteFile(disk, nil, 0o600), os.Truncate(disk, size))
	case t.Format != nil:
		err = t.Format(ctx, disk, size)
	default:
		err = MakeDisk(ctx, disk, size)
	}
	if err != nil {
		return config.Config{}, err
	}
	return machineConfig(t, disk, filepath.Join(dir, "console.log"))
}

// prepare does in a guest what the start of its container need then not do: the disk is
// mounted, a container has run and left networks and caches behind, and the monitor of
// the next one waits.
func (t Template) prepare(ctx context.Context, agent *vzlinux.Agent) error {
	if err := agent.Call(ctx, agentproto.MethodMount, diskMount, nil); err != nil {
		return err
	}
	if err := agent.SetClock(ctx); err != nil {
		return err
	}
	// A guest with cards has the network of its container; nothing may stay in it.
	req := agentproto.ContainerWarm{NetworkMode: "host"}
	if t.Network {
		req.NetworkMode = "bridge"
	}
	return agent.Call(ctx, agentproto.MethodContainerWarm, req, nil)
}
