package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
)

// A Lease keeps an image in the store for its owner.
type Lease struct {
	Owner string `json:"owner"`
	Ref   string `json:"ref"`
	// Image and Layers are not set while the image is still being fetched.
	Image  v1.Hash   `json:"image,omitzero"`
	Layers []v1.Hash `json:"layers,omitempty"`

	// Damaged: the record cannot be read, so that the owner may use any image.
	Damaged bool `json:"-"`
}

// Holds reports whether the lease is on the image, or may be.
func (l *Lease) Holds(image v1.Hash) bool { return l.Damaged || l.Image == image }

func (l *Lease) check(key string) error {
	if l.Owner != key {
		return errors.New("its owner is not that of the file")
	}
	if l.Image != (v1.Hash{}) && !valid(l.Image) {
		return errors.New("no digest")
	}
	for _, d := range l.Layers {
		if !valid(d) {
			return errors.New("no chain id")
		}
	}
	return nil
}

// checkOwner allows what container ids are made of.
func checkOwner(owner string) error {
	ok := owner != "" && len(owner) <= 128 && !strings.ContainsAny(owner[:1], ".-_") &&
		strings.Trim(owner, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == ""
	if !ok {
		return vzcontract.Errorf(vzcontract.ErrValidation, "lease %q: an owner is 1 to 128 letters, digits, dots, dashes and underscores", owner)
	}
	return nil
}

// Lease calls find, which resolves what the lease is for, and writes the lease.
// No sweep comes between the two.
func (s *Store) Lease(ctx context.Context, find func() (Lease, error)) error {
	release, err := s.guard(ctx, shared)
	if err != nil {
		return err
	}
	defer release()
	l, err := find()
	if err != nil {
		return err
	}
	if err := checkOwner(l.Owner); err != nil {
		return err
	}
	data, err := marshal(l)
	if err != nil {
		return err
	}
	// A container that starts again has its lease already.
	if old, err := statefile.Read(s.path(dirLeases, l.Owner+recordSuffix)); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return explain(s.writeFile(dirLeases, l.Owner+recordSuffix, data))
}

// Unlease ends a lease; an unknown owner is a no-op.
func (s *Store) Unlease(owner string) error {
	if err := checkOwner(owner); err != nil {
		return err
	}
	if err := os.Remove(s.path(dirLeases, owner+recordSuffix)); err != nil && !notExist(err) {
		return err
	}
	return nil
}

// Leases returns all leases, those too whose record is damaged.
func (s *Store) Leases() ([]Lease, error) {
	var all []Lease
	err := s.records(dirLeases, func(path string) error {
		var l Lease
		err := readRecord(path, &l)
		if errors.Is(err, errDamaged) {
			l, err = Lease{Owner: strings.TrimSuffix(filepath.Base(path), recordSuffix), Damaged: true}, nil
		}
		if err != nil {
			return err
		}
		all = append(all, l)
		return nil
	})
	return all, err
}

// HasLease reports whether owner has one.
func (s *Store) HasLease(owner string) bool {
	return checkOwner(owner) == nil && exists(s.path(dirLeases, owner+recordSuffix))
}
