package vzlinuxnative

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/rootfs"
)

// Create implements vzcontract.Containers.
func (b *Backend) Create(ctx context.Context, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	c, err := b.create(ctx, cfg, nil)
	if err != nil {
		return vzcontract.ContainerInfo{}, failure("create", cfg.Name, err)
	}
	b.event("create", c, nil)
	return c.info(), nil
}

// create makes a container; files, if not nil, fills its directory before anybody
// sees it.
func (b *Backend) create(ctx context.Context, run vzcontract.RunConfig, files func(*record.Config) error) (c *container, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := b.validate(&run); err != nil {
		return nil, err
	}
	if err := checkRights(); err != nil {
		return nil, err
	}
	cfg := &record.Config{ID: newID(), CreatedAt: time.Now(), Run: run}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.releaseImages(context.WithoutCancel(ctx), cfg))
		}
	}()
	if err := b.resolveRoot(ctx, cfg); err != nil {
		return nil, err
	}
	if err := merge(cfg, b.store.Dir(cfg.ID)); err != nil {
		return nil, err
	}
	if err := b.checkRefs(ctx, cfg); err != nil {
		return nil, err
	}
	if err := b.planMounts(ctx, cfg); err != nil {
		return nil, err
	}
	if err := check(cfg); err != nil {
		return nil, err
	}
	st := &record.State{Name: run.Name, State: vzcontract.StateCreated}
	if err := b.writeRecord(ctx, cfg, st, files); err != nil {
		return nil, err
	}
	return &container{cfg: cfg, st: st}, nil
}

// writeRecord makes the record; a name is picked where none was given.
func (b *Backend) writeRecord(ctx context.Context, cfg *record.Config, st *record.State, files func(*record.Config) error) error {
	var before func() error
	if files != nil {
		before = func() error { return files(cfg) }
	}
	prepare := func() error { return b.makeSources(ctx, cfg) }
	if st.Name != "" {
		return b.store.Create(cfg, st, before, prepare)
	}
	for {
		st.Name = randomName()
		err := b.store.Create(cfg, st, before, prepare)
		if !errors.Is(err, vzcontract.ErrConflict) {
			return err
		}
	}
}

// resolveRoot finds the layers of the root and what the image says.
func (b *Backend) resolveRoot(ctx context.Context, cfg *record.Config) error {
	if err := b.resolveLayers(ctx, cfg); err != nil {
		return err
	}
	cfg.Layers = append(slices.Clip(cfg.Layers), b.places())
	return rootfs.MakePlaces(b.places())
}

// places is the lowest layer of every root.
func (b *Backend) places() string { return filepath.Join(b.opts.Home, "places") }

func (b *Backend) resolveLayers(ctx context.Context, cfg *record.Config) error {
	run := cfg.Run
	if run.Rootfs != "" {
		st, err := os.Stat(run.Rootfs)
		if err != nil {
			return vzcontract.Errorf(vzcontract.ErrNotFound, "root directory: %w", err)
		}
		if !st.IsDir() {
			return vzcontract.Errorf(vzcontract.ErrValidation, "root directory %s is no directory", run.Rootfs)
		}
		cfg.Layers = []string{filepath.Clean(run.Rootfs)}
		return nil
	}
	if b.opts.Images == nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "this backend was opened without an image store")
	}
	if err := b.endLeases(ctx); err != nil {
		return err
	}
	root, err := b.opts.Images.RootFS(ctx, vzcontract.RootFSRequest{
		Ref: run.Image, Platform: run.Platform, Policy: run.Pull, Owner: cfg.ID,
	})
	if err != nil {
		return err
	}
	cfg.Image, cfg.ImageID, cfg.ImageConfig, cfg.Layers = run.Image, root.Image.ID, root.Image.Config, root.Layers
	return nil
}

func newID() string {
	var b [record.IDLength / 2]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func randomName() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return adjectives[int(b[0])%len(adjectives)] + "_" + nouns[int(b[1])%len(nouns)] + "_" + hex.EncodeToString(b[2:])
}

var (
	adjectives = []string{"brisk", "calm", "clever", "eager", "gentle", "happy", "keen", "lucid", "proud", "quiet"}
	nouns      = []string{"badger", "crane", "falcon", "heron", "lynx", "marten", "otter", "raven", "swift", "wren"}
)
