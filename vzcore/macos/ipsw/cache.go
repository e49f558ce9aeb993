package ipsw

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vz.internal/vzcontract"
)

// A Cache is a directory with restore images and what has arrived of others. Its
// methods may be called at once, by several processes too.
type Cache struct {
	Dir string
	// Client is what fetches; nil is one without a limit of time, which ends a server
	// that sends nothing for a minute. Its policy for redirects is replaced.
	Client *http.Client
	// Free returns how many bytes can be written below a directory; nil asks the system.
	Free func(dir string) (uint64, error)
	// Wait pauses between tries; nil waits for the time to pass. Tests replace it.
	Wait func(ctx context.Context, d time.Duration) error
}

// The files of an image's directory, and the suffix of its lock beside it.
const (
	imageFile   = "image.ipsw"
	entryFile   = "entry.json"
	partialFile = "partial"
	versionFile = "partial.json"
	lockSuffix  = ".lock"
)

// An Entry is a restore image that is in the cache, wholly or in part.
type Entry struct {
	URL      string    `json:"url"`
	SHA256   string    `json:"sha256,omitempty"` // of a whole one
	Size     int64     `json:"size"`             // bytes, of the whole
	Version  string    `json:"version,omitempty"`
	Build    string    `json:"build,omitempty"`
	Fetched  time.Time `json:"fetched,omitzero"`
	Key      string    `json:"-"` // its name in the cache
	Path     string    `json:"-"` // the file
	Present  int64     `json:"-"` // bytes of it that are there
	Complete bool      `json:"-"`
	Busy     bool      `json:"-"` // somebody fetches or uses it
}

// Name is what people call it.
func (e Entry) Name() string { return Request{URL: e.URL}.Name() }

// List returns what the cache holds, by name. Directories that cannot be read are
// named in the error, beside the others.
func (c Cache) List() ([]Entry, error) {
	names, err := os.ReadDir(c.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Entry
	var errs []error
	for _, n := range names {
		if !n.IsDir() {
			continue
		}
		e, err := c.entry(n.Name())
		if err != nil {
			errs = append(errs, err)
			e = Entry{Key: n.Name(), URL: "damaged"}
		}
		e.Busy = c.busy(n.Name())
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Name(), b.Name()), strings.Compare(a.Key, b.Key))
	})
	return all, errors.Join(errs...)
}

// entry reads a directory of the cache. An image is complete if it has the size that
// its record names.
func (c Cache) entry(key string) (Entry, error) {
	dir := filepath.Join(c.Dir, key)
	var e Entry
	err := readJSON(filepath.Join(dir, entryFile), &e)
	if err == nil {
		e.Key, e.Path = key, filepath.Join(dir, imageFile)
		if info, err := os.Lstat(e.Path); err == nil && info.Mode().IsRegular() && info.Size() == e.Size {
			e.Present, e.Complete = e.Size, true
			return e, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return e, err
	}
	var v version
	if err := readJSON(filepath.Join(dir, versionFile), &v); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return e, err
	}
	e = Entry{Key: key, URL: cmp.Or(v.URL, e.URL, key), Size: v.Size, Path: filepath.Join(dir, partialFile)}
	if info, err := os.Lstat(e.Path); err == nil {
		e.Present = info.Size()
	}
	return e, nil
}

// Clean removes what nobody uses or fetches right now and returns it. With partial only
// downloads that broke off go.
func (c Cache) Clean(partial bool) ([]Entry, error) {
	all, _ := c.List() // damaged ones go too
	var gone []Entry
	var errs []error
	for _, e := range all {
		if partial && e.Complete {
			continue
		}
		lock, err := c.tryLock(e.Key)
		if errors.Is(err, vzcontract.ErrConflict) {
			continue
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		err = os.RemoveAll(filepath.Join(c.Dir, e.Key))
		if err == nil {
			gone = append(gone, e)
		}
		errs = append(errs, err, lock.Close())
	}
	return gone, errors.Join(errs...)
}

// Verify reads the image of a request that is in the cache and compares its digest with
// the pinned one or, where none is pinned, with what it was when it arrived. One that
// is not there wholly is an error that matches vzcontract.ErrNotFound.
func (c Cache) Verify(ctx context.Context, r Request) (Entry, error) {
	if err := r.check(); err != nil {
		return Entry{}, err
	}
	e, err := c.entry(r.key())
	if err != nil {
		return e, err
	}
	if !e.Complete {
		return e, vzcontract.Errorf(vzcontract.ErrNotFound, "%s is not in the cache", r.Name())
	}
	lock, err := c.lock(ctx, r)
	if err != nil {
		return e, err
	}
	defer lock.Close()
	f, err := os.Open(e.Path)
	if err != nil {
		return e, err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, &counted{ctx: ctx, r: f, tell: func(n int64) { r.tell(Checking, n, e.Size) }}); err != nil {
		return e, err
	}
	got, want := hex.EncodeToString(sum.Sum(nil)), cmp.Or(r.SHA256, e.SHA256)
	if got != want {
		return e, vzcontract.Errorf(vzcontract.ErrValidation, "%s has the sha256 %s, not %s; remove it with vz vm cache clean", e.Path, got, want)
	}
	return e, nil
}

// counted tells how much has been read, and ends with its context.
type counted struct {
	ctx  context.Context //nolint:containedctx // of one copy
	r    io.Reader
	n    int64
	tell func(int64)
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}

func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return vzcontract.Errorf(vzcontract.ErrInternal, "%s is damaged (%v); remove it with vz vm cache clean", path, err)
	}
	return nil
}

// writeJSON replaces a file; after it has returned, the new text is on the disk.
func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(path+".new", path)
}
