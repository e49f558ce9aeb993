package vzoci

import "context"

// A Usage is how much space the store takes.
type Usage struct {
	Images int
	Active int // those that a container uses
	// Size of all images, in bytes; Reclaimable of those without a container.
	Size, Reclaimable int64
	// Caches are downloads that nothing refers to yet.
	Caches int64
}

// DiskUsage adds up what the store takes.
func (s *Store) DiskUsage(ctx context.Context) (Usage, error) {
	if err := ctx.Err(); err != nil {
		return Usage{}, err
	}
	u, err := s.store.Usage()
	return Usage(u), err
}
