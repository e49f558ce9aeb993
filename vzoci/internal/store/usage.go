package store

import (
	"os"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Usage is how many bytes the store takes.
type Usage struct {
	Images, Active int
	// Size of all that images refer to, Reclaimable of that which only images
	// without a lease do.
	Size, Reclaimable int64
	// Caches are broken downloads and what nothing refers to.
	Caches int64
}

// Usage adds up sizes.
func (s *Store) Usage() (Usage, error) {
	c, err := s.Contents()
	if err != nil {
		return Usage{}, err
	}
	used, held := map[string]bool{}, map[string]bool{}
	u := Usage{Images: len(c.Images)}
	c.each(func(class string, d v1.Hash) { used[class+"-"+d.Hex] = true })
	Contents{Leases: c.Leases}.each(func(class string, d v1.Hash) { held[class+"-"+d.Hex] = true })
	for _, i := range c.Images {
		if slices.ContainsFunc(c.Leases, func(l Lease) bool { return l.Holds(i.ID()) }) {
			u.Active++
			i.each(func(class string, d v1.Hash) { held[class+"-"+d.Hex] = true })
		}
	}
	for dir, class := range map[string]string{dirBlobs: classBlob, dirLayers: classLayer, dirPartial: ""} {
		entries, err := os.ReadDir(s.path(dir))
		if err != nil {
			return Usage{}, err
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), etagSuffix) {
				continue
			}
			size, key := s.sizeOf(s.path(dir, e.Name())), class+"-"+e.Name()
			switch {
			case !used[key]:
				u.Caches += size
			case !held[key]:
				u.Reclaimable += size
				fallthrough
			default:
				u.Size += size
			}
		}
	}
	return u, nil
}
