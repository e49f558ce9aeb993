package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Repair moves aside what found says is damaged and removes leftovers. It
// returns one line per thing done.
func (s *Store) Repair(ctx context.Context, found []Finding) (done []string, err error) {
	release, err := s.guard(ctx, exclusive)
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		line, repairErr := s.repair(f)
		if line != "" {
			done = append(done, line)
		}
		err = errors.Join(err, repairErr)
	}
	release()
	return done, errors.Join(err, s.emptyTrash())
}

// repair must be called with the guard held exclusively.
func (s *Store) repair(f Finding) (string, error) {
	switch f.Fault {
	case DamagedRecord, DamagedLease, DamagedBlob:
		to, err := s.moveAside(f.Path)
		if err != nil || to == "" {
			return "", err
		}
		return f.String() + "; moved to " + to, nil
	case Leftover:
		l, err := lockExisting(filepath.Join(f.Path, fileMarks))
		if err != nil {
			return "", nil //nolint:nilerr // somebody else removed it, or its process lives
		}
		defer l.release()
		_, err = s.discard(f.Path)
		return f.String() + "; removed", err
	}
	return "", nil
}

// moveAside moves a file to damaged/, under its name and a number.
func (s *Store) moveAside(path string) (string, error) {
	dir, err := os.MkdirTemp(s.path(dirDamaged), "")
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, filepath.Base(path))
	if err := os.Rename(path, to); err != nil {
		err = errors.Join(err, os.Remove(dir))
		if notExist(err) {
			return "", nil
		}
		return "", err
	}
	return to, nil
}

// Broken returns the images that lack a blob or a layer, and the names that
// lack their image.
func (s *Store) Broken(found []Finding) (images []Image, names []Ref) {
	missing := map[string]bool{}
	for _, f := range found {
		switch f.Fault {
		case DamagedBlob, MissingObject:
			missing[strings.TrimSuffix(f.Path, "/"+layerRecord)] = true
		}
	}
	c := s.readable()
	for _, i := range c.Images {
		broken := false
		i.each(func(class string, d v1.Hash) {
			path := s.blobPath(d)
			if class == classLayer {
				path = s.path(dirLayers, d.Hex)
			}
			broken = broken || missing[path]
		})
		if broken {
			images = append(images, i)
		}
	}
	for _, r := range c.Refs {
		if !exists(s.path(dirImages, r.Image.Hex+recordSuffix)) {
			names = append(names, r)
		}
	}
	return images, names
}
