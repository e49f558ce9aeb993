//go:build unix

package vmbackend

import (
	"vz.internal/vzcontract"
	"vz.internal/vzoci/vmbackend/warm"
)

// WarmSnapshots returns what machines start from in place of booting.
func (b *Backend) WarmSnapshots() ([]warm.Snapshot, error) { return warm.At(b.opts.Home).List() }

// PruneWarm removes it. The next machines boot, and one of them has it made anew.
func (b *Backend) PruneWarm() (vzcontract.PruneReport, error) {
	removed, freed, err := warm.At(b.opts.Home).Prune()
	return vzcontract.PruneReport{Removed: removed, Freed: freed}, err
}
