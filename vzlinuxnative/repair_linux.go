package vzlinuxnative

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/record"
)

// Repair puts right what processes that were killed have left: half-made and
// half-removed containers, names of containers that are not there, damaged
// records (they are moved to "damaged" below the home), addresses, runtime
// directories, leases. It returns what it did, one line each.
func (b *Backend) Repair(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	did, err := b.store.Sweep()
	more, nerr := b.nets.Repair(ctx, b.attended)
	did = append(did, more...)
	rest, rerr := b.sweepRunDirs(ctx)
	return append(did, rest...), errors.Join(err, nerr, rerr, b.endLeases(ctx))
}

// Verify returns what is wrong with the records, and what of networks nobody
// owns, that Repair would put right, one line each.
func (b *Backend) Verify(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	faults, err := b.store.Verify()
	more, nerr := b.nets.Verify(ctx, b.attended)
	return append(faults, more...), errors.Join(err, nerr)
}

// attended reports that the container is one whose networks are in use.
func (b *Backend) attended(id string) bool {
	c, err := b.truth(id)
	return err == nil && (c.tended || c.orphaned)
}

// sweepRunDirs clears away what is left of runs that nobody tends.
func (b *Backend) sweepRunDirs(ctx context.Context) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(b.opts.Run, "containers"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var did []string
	for _, e := range entries {
		id := e.Name()
		c, err := b.truth(id)
		switch {
		case errors.Is(err, vzcontract.ErrNotFound):
			if len(id) != record.IDLength {
				continue // not ours
			}
			if err := b.cleanUp(ctx, lostConfig(id)); err != nil {
				return did, err
			}
		case err != nil || c.st.Live() || c.st.Restarting || b.monitorLives(id):
			continue
		default:
			if err := b.cleanUp(ctx, c.cfg); err != nil {
				return did, err
			}
		}
		did = append(did, "cleared away the rest of a run of container "+id)
	}
	return did, nil
}
