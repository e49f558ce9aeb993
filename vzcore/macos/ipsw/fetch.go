package ipsw

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"vz.internal/vzcontract"
)

// reserve is left free on the disk.
const reserve = 1 << 30

// maxStartOvers bounds how often a download begins at its first byte again.
const maxStartOvers = 3

// errStartOver: what has arrived so far is of no use.
var errStartOver = errors.New("the download starts over")

// Fetch returns the restore image of a request: from the cache, or downloaded into it.
// The returned Image stays until a Clean; hold it with [Cache.Hold] where that matters.
//
// Errors match vzcontract.ErrValidation for a request or an image that is wrong,
// ErrDenied for an answer that leads elsewhere, ErrNotFound for a file that the server
// does not have, ErrUnavailable for one that can be tried again later.
func (c Cache) Fetch(ctx context.Context, r Request) (Entry, error) {
	if err := r.check(); err != nil {
		return Entry{}, err
	}
	lock, err := c.lock(ctx, r)
	if err != nil {
		return Entry{}, err
	}
	defer lock.Close()
	e, err := c.entry(r.key())
	if err == nil && e.Complete && r.fits(e) {
		r.tell(Exists, e.Size, e.Size)
		return e, nil
	}
	// Whatever else is there is of no use, but for a part of the same file.
	dir := filepath.Join(c.Dir, r.key())
	if err != nil {
		err = os.RemoveAll(dir)
	} else {
		err = errors.Join(remove(filepath.Join(dir, imageFile)), remove(filepath.Join(dir, entryFile)))
	}
	if err != nil {
		return Entry{}, err
	}
	for range maxStartOvers {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return e, err
		}
		e, err = c.download(ctx, r, dir)
		if !errors.Is(err, errStartOver) {
			return e, onDisk(err, dir)
		}
	}
	return e, vzcontract.Errorf(vzcontract.ErrUnavailable, "fetch %s: the server's answers never fit together: %v", r.URL, err)
}

// Hold keeps an image from being cleaned for as long as the returned file is open. One
// that somebody else holds or fetches is waited for.
func (c Cache) Hold(ctx context.Context, e Entry) (io.Closer, error) {
	return c.lock(ctx, Request{URL: e.URL})
}

// fits tells whether an image of the cache is what is wanted.
func (r Request) fits(e Entry) bool {
	return e.URL == r.URL && (r.SHA256 == "" || r.SHA256 == e.SHA256) && (r.Size == 0 || r.Size == e.Size)
}

// A version is which file a part was of.
type version struct {
	URL  string `json:"url"`
	ETag string `json:"etag,omitempty"`
	Size int64  `json:"size"` // bytes, of the whole
}

// A partial is a file that grows, with the digest of what is in it.
type partial struct {
	f       *os.File
	dir     string
	at      int64 // its length
	sum     hash.Hash
	version version
	resumed bool // some of it is of an earlier process
}

// openPartial opens what there is of a file, and reads it to know its digest.
func openPartial(ctx context.Context, r Request, dir string) (*partial, error) {
	f, err := os.OpenFile(filepath.Join(dir, partialFile), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	p := &partial{f: f, dir: dir, sum: sha256.New()}
	var v version
	err = readJSON(filepath.Join(dir, versionFile), &v)
	info, statErr := f.Stat()
	switch {
	case statErr != nil:
		return nil, errors.Join(statErr, f.Close())
	case err != nil || v.URL != r.URL || info.Size() == 0 || info.Size() > v.Size || r.Size != 0 && r.Size != v.Size:
		// Nobody knows what it is a part of.
		if err := p.restart(); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return p, nil
	}
	p.version, p.resumed = v, true
	p.at, err = io.Copy(p.sum, &counted{ctx: ctx, r: f, tell: func(n int64) { r.tell(Checking, n, v.Size) }})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

// restart forgets what has arrived.
func (p *partial) restart() error {
	p.at, p.version, p.resumed = 0, version{}, false
	p.sum.Reset()
	return errors.Join(p.f.Truncate(0), remove(filepath.Join(p.dir, versionFile)))
}

// startOver forgets what has arrived, and why.
func (p *partial) startOver(format string, args ...any) error {
	return cmp.Or(p.restart(), fmt.Errorf("%w: "+format, append([]any{errStartOver}, args...)...))
}

// become says which file the bytes that follow are of, on disk before they are.
func (p *partial) become(v version) error {
	if v == p.version {
		return nil
	}
	if err := writeJSON(filepath.Join(p.dir, versionFile), v); err != nil {
		return err
	}
	p.version = v
	return nil
}

func (p *partial) Write(b []byte) (int, error) {
	n, err := p.f.WriteAt(b, p.at)
	p.sum.Write(b[:n])
	p.at += int64(n)
	return n, err
}

func (p *partial) complete() bool { return p.version.Size > 0 && p.at == p.version.Size }

// download brings the image into dir.
func (c Cache) download(ctx context.Context, r Request, dir string) (Entry, error) {
	p, err := openPartial(ctx, r, dir)
	if err != nil {
		return Entry{}, err
	}
	defer p.close()
	if !p.complete() {
		if err := c.transfer(ctx, r, p); err != nil {
			return Entry{}, err
		}
	}
	e, err := p.finish(r)
	if errors.Is(err, errStartOver) || errors.Is(err, vzcontract.ErrValidation) {
		return e, cmp.Or(p.restart(), err)
	}
	if err != nil {
		return e, err
	}
	r.tell(Done, e.Size, e.Size)
	return e, nil
}

// close leaves nothing where nothing has arrived.
func (p *partial) close() {
	_ = p.f.Close()
	if p.at == 0 {
		_ = remove(p.f.Name())
		_ = os.Remove(p.dir) // if it is empty
	}
}

// finish gives a file that has arrived its name, if it is what was wanted.
func (p *partial) finish(r Request) (Entry, error) {
	e := Entry{
		URL: r.URL, SHA256: hex.EncodeToString(p.sum.Sum(nil)), Size: p.at, Fetched: time.Now().UTC(),
		Key: r.key(), Path: filepath.Join(p.dir, imageFile), Present: p.at, Complete: true,
	}
	if r.SHA256 != "" && r.SHA256 != e.SHA256 {
		if p.resumed {
			return e, errStartOver // the part of an earlier process may be the wrong one
		}
		return e, vzcontract.Errorf(vzcontract.ErrValidation, "fetch %s: its sha256 is %s, the pinned one is %s; nothing was kept", r.URL, e.SHA256, r.SHA256)
	}
	if err := p.f.Sync(); err != nil {
		return e, err
	}
	img, err := Open(p.f.Name())
	if err != nil {
		if p.resumed {
			return e, fmt.Errorf("%w: %w", errStartOver, err)
		}
		return e, fmt.Errorf("fetch %s: %w", r.URL, err)
	}
	e.Version, e.Build = img.Version, img.Build
	// The record comes first: a name without a record would say nothing.
	err = writeJSON(filepath.Join(p.dir, entryFile), e)
	if err == nil {
		err = os.Rename(p.f.Name(), e.Path)
	}
	if err == nil {
		err = errors.Join(remove(filepath.Join(p.dir, versionFile)), syncDir(p.dir))
	}
	return e, err
}

// room refuses to begin what cannot end for want of space.
func (c Cache) room(dir string, need int64) error {
	ask := c.Free
	if ask == nil {
		ask = free
	}
	have, err := ask(dir)
	if err != nil {
		return err
	}
	if want := uint64(max(need, 0)) + reserve; have < want {
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "%s has %.1f GB free, the restore image needs %.1f GB more and 1 GB to spare; free some, as with vz vm cache clean, or point VZ_HOME to a larger disk",
			dir, float64(have)/1e9, float64(need)/1e9)
	}
	return nil
}

// onDisk adds the next step to the error of a disk that became full.
func onDisk(err error, dir string) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "the disk of %s is full; free some space, as with vz vm cache clean, and run it again: it goes on where it is", dir)
	}
	return err
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return cmp.Or(f.Sync(), f.Close())
}
