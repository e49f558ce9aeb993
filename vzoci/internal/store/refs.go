package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Ref is a name of an image: a tag, or a digest of a repository.
type Ref struct {
	// Name is complete, as reference.Reference.String gives it.
	Name  string  `json:"name"`
	Image v1.Hash `json:"image"` // id: digest of the config
	// Target is what the name means in its registry: an index or Manifest.
	Target   v1.Descriptor `json:"target"`
	Manifest v1.Descriptor `json:"manifest"`
	Made     time.Time     `json:"made"`
	// Source is what the image was made from, for one that was made here.
	Source string `json:"source,omitempty"`
}

func refKey(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

func (r *Ref) check(key string) error {
	switch {
	case r.Name == "" || refKey(r.Name) != key:
		return errors.New("its name is not that of the file")
	case !valid(r.Image) || !valid(r.Target.Digest) || !valid(r.Manifest.Digest):
		return errors.New("no digest")
	}
	return nil
}

// ByDigest reports whether the name is pinned: it says what the image was
// pulled as and goes when the last tag of its repository goes.
func (r *Ref) ByDigest() bool { return strings.Contains(r.Name, "@") }

// Ref returns the record of a name, or fs.ErrNotExist.
func (s *Store) Ref(name string) (Ref, error) {
	var r Ref
	err := readRecord(s.path(dirRefs, refKey(name)+recordSuffix), &r)
	return r, err
}

// Refs returns all names, sorted. It fails if one cannot be read.
func (s *Store) Refs() ([]Ref, error) {
	var all []Ref
	err := s.records(dirRefs, func(path string) error {
		var r Ref
		if err := readRecord(path, &r); err != nil {
			return err
		}
		all = append(all, r)
		return nil
	})
	slices.SortFunc(all, func(a, b Ref) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// Tag gives the image of ref one more name, which it takes from another image
// that has it.
func (s *Store) Tag(ctx context.Context, ref Ref) (err error) {
	t, err := s.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	img, err := t.Hold(ctx, ref.Image)
	if err != nil {
		return err
	}
	return t.Publish(ctx, img, ref)
}

// removeRef must be called with the guard held exclusively.
func (s *Store) removeRef(name string) error {
	err := os.Remove(s.path(dirRefs, refKey(name)+recordSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// valid reports whether d is a sha256 digest; file names are made of it.
func valid(d v1.Hash) bool { return d.Algorithm == "sha256" && validHex(d.Hex) }

func validHex(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
