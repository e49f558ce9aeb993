package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract/statefile"
)

// Hold marks all that belongs to an image and returns its record, which stays
// true until the session ends. An image that is not there is fs.ErrNotExist.
func (t *Session) Hold(ctx context.Context, id v1.Hash) (Image, error) {
	img, err := t.store.Image(id)
	if err != nil {
		return Image{}, err
	}
	img.each(func(class string, d v1.Hash) { err = errors.Join(err, t.mark(ctx, class, d)) })
	if err != nil {
		return Image{}, explain(err)
	}
	return t.store.Image(id) // a sweep may have come before the marks
}

// Publish makes img and the names in refs appear, after one sync of everything
// that the session made or found unsynced. A name that another image has is
// taken from it. What is already as it should be is not written.
func (t *Session) Publish(ctx context.Context, img Image, refs ...Ref) error {
	return explain(t.publish(ctx, img, refs))
}

func (t *Session) publish(ctx context.Context, img Image, refs []Ref) error {
	s := t.store
	t.mu.Lock()
	notes := slices.Clone(t.notes)
	t.mu.Unlock()
	// The files are written before the sync and so need none of their own.
	p := &publication{session: t}
	if err := p.image(img); err != nil {
		return err
	}
	for _, r := range refs {
		if err := p.ref(r); err != nil {
			return err
		}
	}
	if err := p.sync(len(notes) > 0); err != nil {
		return err
	}
	if err := p.appear(ctx, img); err != nil {
		return err
	}
	if len(p.files) > 0 {
		if err := syncPaths(s.path(dirImages), s.path(dirRefs)); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = slices.DeleteFunc(t.notes, func(n string) bool { return slices.Contains(notes, n) })
	return s.forgetNotes(notes)
}

// A publication is a set of records that appear together.
type publication struct {
	session *Session
	old     []byte // the image's record as it was
	files   []publishedFile
}

type publishedFile struct{ tmp, dir, name string }

func (p *publication) add(dir, name string, v any) error {
	data, err := marshal(v)
	if err != nil {
		return err
	}
	tmp, err := writeTemp(p.session.dir, "record-", data)
	if err == nil {
		p.files = append(p.files, publishedFile{tmp, dir, name})
	}
	return err
}

// image writes the record of img, merged with what there is, under a temporary
// name, unless there is nothing new in it.
func (p *publication) image(img Image) error {
	s, name := p.session.store, img.ID().Hex+recordSuffix
	old, err := s.Image(img.ID())
	switch {
	case err == nil:
		if p.old, err = statefile.Read(s.path(dirImages, name)); err != nil {
			return err
		}
		img.merge(old)
		if data, err := marshal(img); err != nil || bytes.Equal(data, p.old) {
			return err
		}
	case !notExist(err) && !errors.Is(err, errDamaged):
		return err
	}
	return p.add(dirImages, name, img)
}

func (p *publication) ref(r Ref) error {
	if err := r.check(refKey(r.Name)); err != nil { // a record that cannot be read stops all listings
		return err
	}
	old, err := p.session.store.Ref(r.Name)
	if err == nil && old.Image == r.Image && old.Target.Digest == r.Target.Digest && old.Manifest.Digest == r.Manifest.Digest && old.Source == r.Source {
		return nil
	}
	return p.add(dirRefs, refKey(r.Name)+recordSuffix, r)
}

// sync makes the files durable, and all else where there is more.
func (p *publication) sync(all bool) error {
	if all {
		return p.session.store.syncAll()
	}
	for _, f := range p.files {
		if err := syncPaths(f.tmp); err != nil {
			return err
		}
	}
	return nil
}

// appear renames the files, that of the image first: a name never lacks its
// image.
func (p *publication) appear(ctx context.Context, img Image) error {
	s := p.session.store
	release, err := s.guard(ctx, exclusive)
	if err != nil {
		return err
	}
	defer release()
	name := img.ID().Hex + recordSuffix
	now, err := statefile.Read(s.path(dirImages, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !bytes.Equal(now, p.old) { // another publication or a removal came between
		p.files = slices.DeleteFunc(p.files, func(f publishedFile) bool { return f.dir == dirImages })
		refs := p.files
		p.files, p.old = nil, nil
		if err := p.image(img); err != nil {
			return err
		}
		if err := p.sync(false); err != nil {
			return err
		}
		p.files = append(p.files, refs...)
	}
	for _, f := range p.files {
		if err := os.Rename(f.tmp, s.path(f.dir, f.name)); err != nil {
			return err
		}
	}
	return nil
}
