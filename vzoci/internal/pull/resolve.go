package pull

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/registry"
)

// maxIndexDepth bounds indexes in indexes.
const maxIndexDepth = 4

// resolution is the way from what was asked for to one platform's manifest.
type resolution struct {
	documents []registry.Manifest // the one asked for first, the manifest last
	image     parsed
}

// top is the document that the reference names.
func (r resolution) top() registry.Manifest { return r.documents[0] }

// manifest is the image's own.
func (r resolution) manifest() registry.Manifest { return r.documents[len(r.documents)-1] }

// resolve follows locator to the manifest for platform.
func resolve(ctx context.Context, repo *registry.Repository, locator string, want Platform) (resolution, error) {
	var r resolution
	for range maxIndexDepth {
		m, err := repo.Manifest(ctx, locator)
		if err != nil {
			return resolution{}, err
		}
		p, err := parse(m.Raw, m.MediaType)
		if err != nil {
			return resolution{}, err
		}
		m.MediaType = p.mediaType
		if n := len(r.documents); n > 0 && slices.ContainsFunc(r.documents, func(d registry.Manifest) bool { return d.Digest == m.Digest }) {
			return resolution{}, invalid("the index names itself")
		}
		r.documents = append(r.documents, m)
		if p.index == nil {
			r.image = p
			return r, nil
		}
		next, err := choose(p.index, want)
		if err != nil {
			return resolution{}, err
		}
		locator = next.Digest.String()
	}
	return resolution{}, invalid("indexes are nested more than %d deep", maxIndexDepth)
}

// choose returns the entry of an index that suits best.
func choose(entries []v1.Descriptor, want Platform) (v1.Descriptor, error) {
	best, bestRank := -1, 0
	var nameless []int
	for i, d := range entries {
		p, ok := platformOf(d.Platform)
		if !ok {
			nameless = append(nameless, i)
			continue
		}
		if rank := want.rank(p); rank >= 0 && (best < 0 || rank < bestRank) {
			best, bestRank = i, rank
		}
	}
	// An entry that names no platform is taken if it is the only one: an
	// index around an index, or around a single image.
	if best < 0 && len(nameless) == 1 {
		best = nameless[0]
	}
	if best < 0 {
		return v1.Descriptor{}, &noPlatformError{want: want, have: available(entries)}
	}
	return entries[best], nil
}

func available(entries []v1.Descriptor) []string {
	var list []string
	for _, d := range entries {
		if p, ok := platformOf(d.Platform); ok && p.OS != "unknown" {
			list = append(list, clip(p.String()))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// noPlatformError tells what there is instead.
type noPlatformError struct {
	want Platform
	have []string
}

func (e *noPlatformError) Error() string {
	if len(e.have) == 0 {
		return fmt.Sprintf("there is no image for %s", e.want)
	}
	return fmt.Sprintf("there is no image for %s, only for %s; choose one with --platform", e.want, strings.Join(e.have, ", "))
}

func (e *noPlatformError) Unwrap() error { return vzcontract.ErrNotFound }

// checkPlatform refuses an image that says it is for something else than what
// was explicitly asked for.
func checkPlatform(c *v1.ConfigFile, want Platform) error {
	have, ok := platformOf(&v1.Platform{OS: c.OS, Architecture: c.Architecture, Variant: c.Variant})
	if ok && want.rank(have) < 0 {
		return &noPlatformError{want: want, have: []string{clip(have.String())}}
	}
	return nil
}

// isCancelled tells the caller's own end from a failure.
func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
