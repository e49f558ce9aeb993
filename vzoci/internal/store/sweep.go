package store

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Removal says what records to remove; see [Store.Remove].
type Removal struct {
	Refs    []Ref
	Images  []Image
	Objects Scope
}

// A Scope says which blobs and layers, of those that nothing refers to, go with
// a removal.
type Scope int

// The scopes.
const (
	OfRemoved Scope = iota // those that the removed records referred to
	Keep                   // none
	All                    // all, and broken downloads
)

// Contents are all records of a store at one moment.
type Contents struct {
	Refs   []Ref
	Images []Image
	Leases []Lease
}

// Contents reads all records. It fails if one other than a lease is damaged.
func (s *Store) Contents() (c Contents, err error) {
	refs, err1 := s.Refs()
	images, err2 := s.Images()
	leases, err3 := s.Leases()
	return Contents{refs, images, leases}, errors.Join(err1, err2, err3)
}

// Remove lets each of decide choose what to remove of what the one before has left,
// removes it together with all that nothing refers to any more, and returns the bytes
// freed. No other process changes records meanwhile. An error of one is returned, and
// the rest stays.
func (s *Store) Remove(ctx context.Context, decide ...func(Contents) (Removal, error)) (freed int64, err error) {
	release, err := s.guard(ctx, exclusive)
	if err != nil {
		return 0, err
	}
	freed, err = s.remove(decide)
	release()
	if emptyErr := s.emptyTrash(); err == nil {
		err = emptyErr
	}
	return freed, err
}

// remove must be called with the guard held exclusively.
func (s *Store) remove(decide []func(Contents) (Removal, error)) (freed int64, err error) {
	contents, err := s.Contents()
	if err != nil {
		return 0, err // with a record unread nobody knows what is in use
	}
	var all Removal
	for _, one := range decide {
		var removal Removal
		if removal, err = one(contents); err == nil {
			err = s.removeRecords(removal)
		}
		if err != nil {
			break
		}
		contents = contents.without(removal)
		all = Removal{append(all.Refs, removal.Refs...), append(all.Images, removal.Images...), removal.Objects}
	}
	if len(all.Refs)+len(all.Images) > 0 {
		err = errors.Join(err, syncPaths(s.path(dirRefs), s.path(dirImages)))
	} else if all.Objects != All {
		return 0, err
	}
	if err != nil || all.Objects == Keep {
		return 0, err
	}
	w := &sweeper{store: s}
	if all.Objects == OfRemoved {
		w.only = keys(Contents{Refs: all.Refs, Images: all.Images})
	}
	err = w.sweep(contents)
	return w.freed, err
}

func (s *Store) removeRecords(r Removal) error {
	for _, ref := range r.Refs {
		if err := s.removeRef(ref.Name); err != nil {
			return err
		}
	}
	for _, img := range r.Images {
		if err := os.Remove(s.path(dirImages, img.ID().Hex+recordSuffix)); err != nil && !notExist(err) {
			return err
		}
	}
	return nil
}

// without is what is left of c after the removal.
func (c Contents) without(r Removal) Contents {
	gone := map[string]bool{}
	for _, ref := range r.Refs {
		gone[ref.Name] = true
	}
	for _, img := range r.Images {
		gone[img.Info.ID] = true
	}
	c.Refs = slices.DeleteFunc(slices.Clone(c.Refs), func(ref Ref) bool { return gone[ref.Name] })
	c.Images = slices.DeleteFunc(slices.Clone(c.Images), func(img Image) bool { return gone[img.Info.ID] })
	return c
}

// keys returns the class and digest of all objects that c refers to.
func keys(c Contents) map[string]bool {
	set := map[string]bool{}
	c.each(func(class string, d v1.Hash) { set[class+"-"+d.Hex] = true })
	return set
}

// each calls use for every object that a record refers to.
func (c Contents) each(use func(class string, d v1.Hash)) {
	for _, r := range c.Refs {
		use(classBlob, r.Image)
		use(classBlob, r.Target.Digest)
		use(classBlob, r.Manifest.Digest)
	}
	for _, i := range c.Images {
		i.each(use)
	}
	for _, l := range c.Leases {
		if l.Damaged {
			continue
		}
		use(classBlob, l.Image)
		for _, d := range l.Layers {
			use(classLayer, d)
		}
	}
}

func (i *Image) each(use func(class string, d v1.Hash)) {
	for _, m := range i.Manifests {
		use(classBlob, m.Digest)
	}
	for _, d := range i.Documents {
		use(classBlob, d)
	}
	for _, d := range i.Blobs {
		use(classBlob, d)
	}
	for _, l := range i.Layers {
		use(classLayer, l.ChainID)
	}
}

// sweeper is one sweep.
type sweeper struct {
	store *Store
	used  map[string]bool
	only  map[string]bool // nil for all
	freed int64
}

// sweep moves to the trash what nothing refers to.
func (w *sweeper) sweep(c Contents) (err error) {
	if w.used, err = w.store.liveMarks(w.take); err != nil {
		return err
	}
	maps.Copy(w.used, keys(c))
	if !slices.ContainsFunc(c.Leases, func(l Lease) bool { return l.Damaged }) { // it may be of any object
		err = errors.Join(w.objects(dirBlobs, classBlob), w.objects(dirLayers, classLayer))
	}
	if w.only == nil {
		err = errors.Join(err, w.partials(), w.leftovers())
	}
	return err
}

// take moves path to the trash and counts it.
func (w *sweeper) take(path string) error {
	size := w.store.sizeOf(path)
	to, err := w.store.discard(path)
	if err == nil && to != "" {
		w.freed += size
	}
	return err
}

func (w *sweeper) objects(dir, class string) error {
	names, err := w.candidates(dir, class)
	if err != nil {
		return err
	}
	for _, name := range names {
		key := class + "-" + name
		if !validHex(name) || w.used[key] {
			continue // in use, or not ours: Verify tells
		}
		if err := w.take(w.store.path(dir, name)); err != nil {
			return err
		}
		if err := w.store.forgetNotes([]string{w.store.path(dirUnsynced, key)}); err != nil {
			return err
		}
	}
	return nil
}

// candidates are the objects that may go. For those of a removal the directory, which may
// be large, is not read.
func (w *sweeper) candidates(dir, class string) (names []string, err error) {
	for key := range w.only {
		if name, ok := strings.CutPrefix(key, class+"-"); ok {
			names = append(names, name)
		}
	}
	if w.only != nil {
		return names, nil
	}
	entries, err := os.ReadDir(w.store.path(dir))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// partials takes downloads that nobody goes on with.
func (w *sweeper) partials() error {
	entries, err := os.ReadDir(w.store.path(dirPartial))
	if err != nil {
		return err
	}
	for _, e := range entries {
		hex := strings.TrimSuffix(e.Name(), etagSuffix)
		if !validHex(hex) || w.used[classBlob+"-"+hex] {
			continue
		}
		if err := w.take(w.store.path(dirPartial, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// leftovers takes what killed processes left: free locks, temporary files.
func (w *sweeper) leftovers() error {
	locks, err := os.ReadDir(w.store.path(dirLocks))
	if err != nil {
		return err
	}
	for _, e := range locks {
		if w.used[e.Name()] {
			continue
		}
		if l, err := tryLock(w.store.path(dirLocks, e.Name()), exclusive); err == nil {
			l.remove()
		}
	}
	notes, err := os.ReadDir(w.store.path(dirUnsynced))
	if err != nil {
		return err
	}
	for _, e := range notes {
		if !w.used[e.Name()] { // the object went with the sweep, or never came
			if err := w.store.forgetNotes([]string{w.store.path(dirUnsynced, e.Name())}); err != nil {
				return err
			}
		}
	}
	for _, dir := range []string{"", dirRefs, dirImages, dirLeases} {
		found, err := filepath.Glob(filepath.Join(w.store.path(dir), tempPrefix+"*"))
		if err != nil {
			return err
		}
		for _, path := range found {
			if err := w.take(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// sizeOf returns what path takes on disk, by the record where there is one.
func (s *Store) sizeOf(path string) int64 {
	var l layerInfo
	if err := readRecord(filepath.Join(path, layerRecord), &l); err == nil {
		return l.Size
	}
	var size int64
	_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size
}
