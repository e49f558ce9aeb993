//go:build unix

package owner

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"time"

	"vz.internal/vzcore/config"
	"vz.internal/vzlinux/agentproto"
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
		if o.fresh { // its disk, if there is one, is that of the snapshot
			err = os.RemoveAll(cfg.Disks[0].Path)
		}
		if err := errors.Join(err, store.Remove(print)); err != nil {
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
// Nothing but the agent and its spare monitor runs in it before. The clock is set soon
// after, as in every guest.
func (o *owner) renew(ctx context.Context) error {
	seed := make([]byte, seedSize)
	_, _ = rand.Read(seed) // never fails
	return o.agent.Call(ctx, agentproto.MethodThaw, agentproto.ThawRequest{Entropy: seed, Machine: string(o.record.ID)}, nil)
}
