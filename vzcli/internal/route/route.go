package route

import (
	"context"
	"errors"
	"maps"
	"slices"

	"vz.internal/vzcontract"
)

// A Side is one of the two backends.
type Side interface {
	vzcontract.RuntimeBackend
	// Find returns the id of a container, and whether ref is its name or id and no
	// beginning of one.
	Find(ctx context.Context, ref string) (id string, exact bool, err error)
}

// A Backend is two. What is no container's is the first one's: both work with the
// same images, volumes and networks.
type Backend struct {
	vzcontract.ImagesFunc
	first, second Side
}

// New returns the backend of first and second. Containers that ask for no isolation are
// made in first.
func New(first, second Side) *Backend {
	b := &Backend{first: first, second: second}
	b.ImagesFunc = b.images
	return b
}

func (b *Backend) sides() []Side { return []Side{b.first, b.second} }

// side returns the one that has a container; without any it is the first, which says
// so.
func (b *Backend) side(ctx context.Context, op, ref string) (Side, error) {
	id, exact, err := b.first.Find(ctx, ref)
	if exact && err == nil || ctx.Err() != nil {
		return b.first, nil
	}
	other, otherExact, otherErr := b.second.Find(ctx, ref)
	switch {
	case otherErr == nil && (otherExact || errors.Is(err, vzcontract.ErrNotFound)):
		return b.second, nil
	case errors.Is(otherErr, vzcontract.ErrNotFound) || err == nil && id == other:
		return b.first, nil
	case otherErr != nil && !errors.Is(otherErr, vzcontract.ErrValidation):
		return nil, otherErr
	}
	return nil, &vzcontract.Error{
		Op: op, Kind: "container", Name: ref, Class: vzcontract.ErrValidation,
		Err: errors.New("the id prefix is ambiguous: give more digits"),
	}
}

// on does something with the side that has a container, where it is a T.
func on[T any](ctx context.Context, b *Backend, op, ref string, do func(T) error) error {
	side, err := b.side(ctx, op, ref)
	if err != nil {
		return err
	}
	able, err := as[T](side, op)
	if err != nil {
		return err
	}
	return do(able)
}

func as[T any](side Side, what string) (T, error) {
	able, ok := side.(T)
	if !ok {
		return able, vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: backend %s cannot do it", what, side.BackendName())
	}
	return able, nil
}

// BackendName implements vzcontract.Identity: it is the first one's.
func (b *Backend) BackendName() string { return b.first.BackendName() }

// Isolation implements vzcontract.Identity: it is that of containers that ask for none.
func (b *Backend) Isolation() vzcontract.Isolation { return b.first.Isolation() }

// Isolations implements vzcontract.Isolator.
func (b *Backend) Isolations() []vzcontract.Isolation {
	return []vzcontract.Isolation{b.first.Isolation(), b.second.Isolation()}
}

// Capabilities implements vzcontract.Identity. What one of them has is there: the other
// refuses it by itself. What is a setting of containers is as in the first, in which they
// are made.
func (b *Backend) Capabilities() vzcontract.Capabilities {
	missing := maps.Clone(b.first.Capabilities().Missing)
	others := b.second.Capabilities()
	maps.DeleteFunc(missing, func(f vzcontract.Feature, _ string) bool { return f != vzcontract.FeatureDiskLimit && others.Has(f) })
	return vzcontract.Capabilities{Missing: missing}
}

// Close implements vzcontract.RuntimeBackend.
func (b *Backend) Close() error { return errors.Join(b.first.Close(), b.second.Close()) }

// Create implements vzcontract.Containers. A name is taken if either has it.
func (b *Backend) Create(ctx context.Context, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	in, beside := b.first, b.second
	if cfg.Isolation != "" && cfg.Isolation != in.Isolation() && cfg.Isolation == beside.Isolation() {
		in, beside = beside, in
	}
	if cfg.SharedVM != "" && cfg.Isolation == "" && in != b.machines() {
		in, beside = beside, in
	}
	if err := nameFree(ctx, beside, "create", cfg.Name); err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	return in.Create(ctx, cfg)
}

func nameFree(ctx context.Context, side Side, op, name string) error {
	if name == "" {
		return nil
	}
	id, exact, err := side.Find(ctx, name)
	if err != nil || !exact || id == name {
		return nil //nolint:nilerr // it has no container of that name
	}
	return &vzcontract.Error{
		Op: op, Kind: "container", Name: name, Class: vzcontract.ErrConflict,
		Err: errors.New("the name is in use by container " + id[:min(len(id), 12)] + " of backend " + side.BackendName()),
	}
}

// List implements vzcontract.Containers.
func (b *Backend) List(ctx context.Context) ([]vzcontract.ContainerInfo, error) {
	all, err := b.first.List(ctx)
	if err != nil {
		return nil, err
	}
	more, err := b.second.List(ctx)
	if err != nil || len(more) == 0 {
		return all, err
	}
	all = append(all, more...)
	slices.SortStableFunc(all, func(a, b vzcontract.ContainerInfo) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return all, nil
}
