package vzoci

import (
	"context"
	"slices"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/reference"
)

// RemoveImage implements vzcontract.Images. With force, an image that a
// container uses loses its names and goes when the container is gone. An id whose
// image has names in several repositories needs force too.
func (s *Store) RemoveImage(ctx context.Context, ref string, opts vzcontract.RemoveImageOptions) (removed []vzcontract.RemovedImage, err error) {
	failed := s.RemoveImages(ctx, []string{ref}, opts, func(_ string, r []vzcontract.RemovedImage, e error) { removed, err = r, e })
	if failed != nil {
		return nil, failure("remove", ref, failed)
	}
	return removed, err
}

// RemoveImages implements vzcontract.ImagesRemover: the records are read once.
func (s *Store) RemoveImages(ctx context.Context, refs []string, opts vzcontract.RemoveImageOptions, done func(ref string, removed []vzcontract.RemovedImage, err error)) error {
	var decide []func(store.Contents) (store.Removal, error)
	var tell []func()
	for _, ref := range refs {
		decide = append(decide, func(c store.Contents) (store.Removal, error) {
			if err := ctx.Err(); err != nil {
				return store.Removal{}, err
			}
			f, err := s.findAmong(ref, func() ([]store.Image, error) { return c.Images, nil })
			var r store.Removal
			if err == nil {
				r, err = removal(c, f, opts.Force)
			}
			if opts.NoPrune {
				r.Objects = store.Keep
			}
			tell = append(tell, func() { done(ref, report(r), failure("remove", ref, err)) })
			return r, nil
		})
	}
	_, err := s.store.Remove(ctx, decide...)
	if err == nil || ctx.Err() != nil {
		for _, one := range tell {
			one()
		}
	}
	return err
}

// removal decides what the removal of f takes with it.
func removal(c store.Contents, f found, force bool) (store.Removal, error) {
	id := f.image.ID()
	var gone, stay []store.Ref
	for _, r := range c.Refs {
		switch {
		case r.Image != id:
		case f.ref.Name == "" || r.Name == f.ref.Name:
			gone = append(gone, r)
		default:
			stay = append(stay, r)
		}
	}
	if names := repositories(gone); f.ref.Name == "" && len(names) > 1 && !force {
		return store.Removal{}, vzcontract.Errorf(vzcontract.ErrConflict, "it has names in several repositories, %s; remove them by name, or use --force", strings.Join(names, ", "))
	}
	stay, gone = dropDigests(stay, gone)
	r := store.Removal{Refs: gone}
	if len(stay) > 0 {
		return r, nil
	}
	users := users(c.Leases, f.image)
	switch {
	case len(users) > 0 && !force:
		return store.Removal{}, vzcontract.Errorf(vzcontract.ErrConflict, "%s uses it; remove that first, or use --force", strings.Join(users, ", "))
	case len(users) == 0:
		r.Images = []store.Image{f.image}
	}
	return r, nil
}

// dropDigests moves from stay to gone the pinned names of repositories that
// have no tag left.
func dropDigests(stay, gone []store.Ref) (_, _ []store.Ref) {
	tagged := map[string]bool{}
	for _, r := range stay {
		if !r.ByDigest() {
			tagged[repository(r.Name)] = true
		}
	}
	lost := map[string]bool{}
	for _, r := range gone {
		lost[repository(r.Name)] = true
	}
	var kept []store.Ref
	for _, r := range stay {
		if repo := repository(r.Name); r.ByDigest() && lost[repo] && !tagged[repo] {
			gone = append(gone, r)
			continue
		}
		kept = append(kept, r)
	}
	return kept, gone
}

// repositories returns those that the tags among refs are in.
func repositories(refs []store.Ref) []string {
	var names []string
	for _, r := range refs {
		if !r.ByDigest() {
			names = append(names, repository(r.Name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func repository(name string) string {
	ref, err := reference.Parse(name)
	if err != nil {
		return name
	}
	return ref.Name()
}

// users returns who holds a lease on img.
func users(leases []store.Lease, img store.Image) []string {
	var list []string
	for _, l := range leases {
		switch {
		case l.Damaged:
			list = append(list, "container "+short(l.Owner)+" (perhaps: its lease is damaged, see vz doctor)")
		case l.Holds(img.ID()):
			list = append(list, "container "+short(l.Owner))
		}
	}
	slices.Sort(list)
	return list
}

// short shortens an id as listings do.
func short(id string) string {
	if len(id) == 64 {
		return id[:12]
	}
	return id
}

func report(r store.Removal) []vzcontract.RemovedImage {
	var list []vzcontract.RemovedImage
	for _, ref := range r.Refs {
		list = append(list, vzcontract.RemovedImage{Untagged: familiar(ref.Name)})
	}
	for _, img := range r.Images {
		list = append(list, vzcontract.RemovedImage{Deleted: img.Info.ID})
	}
	return list
}

func familiar(name string) string {
	ref, err := reference.Parse(name)
	if err != nil {
		return name
	}
	return ref.Familiar()
}
