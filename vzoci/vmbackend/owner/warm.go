//go:build unix

package owner

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"time"

	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzoci/vmbackend/internal/guest"
	"vz.internal/vzoci/vmbackend/warm"
)

// warmTime is how long a guest may take to answer when it starts from a snapshot: one
// that does not is not worth more than a boot takes.
const warmTime = 15 * time.Second

// startWarm starts the machine from a snapshot of a guest like it and reports whether
// it has. Whatever stands in the way, the machine can boot.
func (o *owner) startWarm(ctx context.Context, opts Options, cfg config.Config) bool {
	store := warm.At(opts.Home)
	if opts.Cold || store.Empty() {
		return false
	}
	begin := time.Now()
	print, err := o.warmUp(ctx, opts, cfg, store)
	switch {
	case err == nil && print != "":
		opts.Log.InfoContext(ctx, "started from a warm snapshot", "id", o.record.ID, "took", time.Since(begin))
		return true
	case err == nil: // there is none for this machine
		return false
	case ctx.Err() == nil:
		opts.Log.WarnContext(ctx, "the machine boots: its warm snapshot cannot be used", "id", o.record.ID, "path", filepath.Join(store.Dir, print), "error", err)
		if err := store.Remove(print); err != nil {
			opts.Log.WarnContext(ctx, "remove the warm snapshot", "error", err)
		}
	}
	return false
}

// warmUp does that. Without a snapshot print is empty.
func (o *owner) warmUp(ctx context.Context, opts Options, cfg config.Config, store warm.Store) (print string, err error) {
	if err := o.open(opts, cfg); err != nil {
		return "", nil //nolint:nilerr // booting says it
	}
	m, err := o.vm.Manifest(ctx)
	dir, found := "", false
	if err == nil {
		print = m.Fingerprint()
		dir, found = store.Find(print)
	}
	if err != nil || !found {
		return "", o.vm.Close()
	}
	ctx, cancel := context.WithTimeout(ctx, warmTime)
	defer cancel()
	defer func() {
		if err != nil {
			err = errors.Join(err, o.vm.Close())
		}
	}()
	if err := o.vm.Restore(ctx, dir); err != nil {
		return print, err
	}
	if err := o.vm.Resume(ctx); err != nil {
		return print, err
	}
	if err := o.meet(ctx); err != nil {
		return print, err
	}
	return print, o.renew(ctx)
}

// seedSize is how many bytes a guest's random generator starts anew with.
const seedSize = 64

// renew makes the guest another one than those of the same snapshot; see package warm.
// Nothing but the agent runs in it before.
func (o *owner) renew(ctx context.Context) error {
	seed := make([]byte, seedSize)
	_, _ = rand.Read(seed) // never fails
	return o.agent.Call(ctx, agentproto.MethodThaw, agentproto.ThawRequest{Now: time.Now(), Entropy: seed, Machine: string(o.record.ID)}, nil)
}

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
	// Network: the machines have a network of their own. Cards is how many cards they
	// have on the host's, and Wire as in Options.
	Network bool
	Cards   int
	Wire    func() Wiring
}

// machineTemplate returns the template of a machine's record.
func machineTemplate(opts Options, r guest.Record) Template {
	return Template{
		Home: opts.Home, Driver: opts.Driver, Arch: opts.Arch, Bundle: r.Bundle, CPUs: r.CPUs, Memory: r.Memory,
		Network: r.MAC != "", Cards: cards(r), Wire: opts.Wire,
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
	cfg, err := t.config(maker.Scratch)
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
		agent, err := vzlinux.Connect(ctx, func(ctx context.Context, port uint32) (agentproto.Conn, error) { return vm.Dial(ctx, port) })
		if err != nil {
			return err
		}
		defer agent.Close()
		if err := agent.Call(ctx, agentproto.MethodFreeze, struct{}{}, nil); err != nil {
			return err
		}
		return vm.Save(ctx, dir, map[string]string{"agent": agent.Hello().Version})
	})
}

// config is that of the machines, with a disk that holds nothing: the guest has not
// looked at it when it is saved.
func (t Template) config(dir string) (config.Config, error) {
	disk := filepath.Join(dir, "disk")
	if err := errors.Join(os.WriteFile(disk, nil, 0o600), os.Truncate(disk, guest.DiskSize)); err != nil {
		return config.Config{}, err
	}
	return machineConfig(t, disk, filepath.Join(dir, "console.log"))
}
