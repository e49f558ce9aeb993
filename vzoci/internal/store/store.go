package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
)

// The directories below a store's own. ARCHITECTURE.md lists what they hold.
const (
	dirBlobs    = "blobs/sha256"
	dirLayers   = "layers"
	dirRefs     = "refs"
	dirImages   = "images"
	dirLeases   = "leases"
	dirPartial  = "partial"
	dirSessions = "sessions"
	dirUnsynced = "unsynced"
	dirLocks    = "locks"
	dirTrash    = "trash"
	dirDamaged  = "damaged"

	fileGuard  = "guard"
	fileLayout = "oci-layout"
	layout     = `{"imageLayoutVersion":"1.0.0"}`
)

var directories = []string{
	dirBlobs, dirLayers, dirRefs, dirImages, dirLeases, dirPartial, dirSessions, dirUnsynced, dirLocks, dirTrash, dirDamaged,
}

// A Store is an image store on disk. It is safe for concurrent use by
// goroutines and processes, and holds nothing open.
type Store struct {
	dir  string
	boot string // id of this boot of the machine
}

// Open returns the store in dir, an absolute path, and makes it if needed.
func Open(dir string) (*Store, error) {
	if !filepath.IsAbs(dir) {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "image store %s: the path must be absolute", dir)
	}
	boot, err := bootID()
	if err != nil {
		return nil, fmt.Errorf("image store: identify this boot: %w", err)
	}
	s := &Store{dir: dir, boot: boot}
	// Written last, so its presence says that the directories are there.
	data, err := statefile.Read(s.path(fileLayout))
	if err == nil && len(data) > 0 {
		return s, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("image store: %w", err)
	}
	if err := s.create(); err != nil {
		return nil, fmt.Errorf("image store: %w", explain(err))
	}
	return s, nil
}

func (s *Store) create() error {
	// Layers may hold setuid programs: nobody else may reach them.
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	for _, d := range directories {
		if err := os.MkdirAll(s.path(d), 0o700); err != nil {
			return err
		}
	}
	release, err := s.guard(context.Background(), exclusive)
	if err != nil {
		return err
	}
	defer release()
	return s.writeFile("", fileLayout, []byte(layout))
}

// Dir returns the store's directory.
func (s *Store) Dir() string { return s.dir }

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

func (s *Store) blobPath(d v1.Hash) string { return s.path(dirBlobs, d.Hex) }

// LayerDir returns where the files of an unpacked layer are.
func (s *Store) LayerDir(chain v1.Hash) string { return s.path(dirLayers, chain.Hex, layerFiles) }

// OpenBlob opens a blob for reading. The error matches fs.ErrNotExist if it is
// not there.
func (s *Store) OpenBlob(d v1.Hash) (*os.File, error) {
	f, err := statefile.Open(s.blobPath(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("blob %s is missing; vz doctor --repair fetches it again: %w", d, fs.ErrNotExist)
	}
	return f, err
}

// Has reports whether the store has a blob. Outside a session it may be gone
// the next moment.
func (s *Store) Has(d v1.Hash) bool { return exists(s.blobPath(d)) }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
