package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract/statefile"
)

// A Fault is what one finding is about.
type Fault int

// The faults.
const (
	DamagedRecord Fault = iota // moved aside by Repair
	DamagedLease               // moved aside by Repair
	DamagedBlob                // moved aside by Repair
	MissingObject              // a blob or layer that a record names
	MissingImage               // a name whose image has no record
	Leftover                   // of a killed process; removed by Repair
	Unknown                    // not the store's; left alone
)

// A Finding is something that is not as it should be.
type Finding struct {
	Fault  Fault
	Path   string
	Detail string
}

// String returns one line for people.
func (f Finding) String() string { return f.Path + ": " + f.Detail }

// Verify reads everything, every blob to its end, and returns what is damaged,
// missing, left over or unknown.
func (s *Store) Verify(ctx context.Context) ([]Finding, error) {
	v := &verifier{store: s, ctx: ctx}
	err := errors.Join(v.recordsOf(dirRefs, DamagedRecord, func(path string) error { return readRecord(path, new(Ref)) }),
		v.recordsOf(dirImages, DamagedRecord, func(path string) error { return readRecord(path, new(Image)) }),
		v.recordsOf(dirLeases, DamagedLease, func(path string) error { return readRecord(path, new(Lease)) }))
	if err == nil {
		err = v.blobs()
	}
	if err == nil {
		err = errors.Join(v.references(), v.sessions(), v.unknown())
	}
	return v.found, err
}

type verifier struct {
	store *Store
	ctx   context.Context //nolint:containedctx // lives as long as one call
	found []Finding
}

func (v *verifier) add(fault Fault, path, format string, args ...any) {
	v.found = append(v.found, Finding{fault, path, fmt.Sprintf(format, args...)})
}

func (v *verifier) recordsOf(dir string, fault Fault, read func(path string) error) error {
	return v.store.records(dir, func(path string) error {
		err := read(path)
		if !errors.Is(err, errDamaged) {
			return err
		}
		if fault == DamagedLease {
			owner := strings.TrimSuffix(filepath.Base(path), recordSuffix)
			v.add(fault, path, "the lease of container %s is damaged, so that no image is removed; start that container again, or remove it with vz rm %s", owner, owner)
			return nil
		}
		v.add(fault, path, "damaged record")
		return nil
	})
}

// blobs hashes every blob.
func (v *verifier) blobs() error {
	entries, err := os.ReadDir(v.store.path(dirBlobs))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !validHex(e.Name()) {
			continue
		}
		path := v.store.path(dirBlobs, e.Name())
		got, err := v.hash(path)
		switch {
		case notExist(err): // removed meanwhile
		case err != nil && v.ctx.Err() != nil:
			return err
		case err != nil:
			v.add(DamagedBlob, path, "cannot be read: %v", err)
		case got != e.Name():
			v.add(DamagedBlob, path, "damaged blob: its contents have digest sha256:%s", got)
		}
	}
	return nil
}

func (v *verifier) hash(path string) (string, error) {
	f, err := statefile.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum, buf := sha256.New(), make([]byte, 1<<20)
	for {
		n, err := f.Read(buf)
		sum.Write(buf[:n])
		if err == io.EOF {
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
		if err := v.ctx.Err(); err != nil {
			return "", err
		}
	}
}

// references looks for what the records name.
func (v *verifier) references() error {
	s := v.store
	c := s.readable()
	for _, r := range c.Refs {
		if !exists(s.path(dirImages, r.Image.Hex+recordSuffix)) && exists(s.path(dirRefs, refKey(r.Name)+recordSuffix)) {
			v.add(MissingImage, s.path(dirRefs, refKey(r.Name)+recordSuffix), "the image of %s has no record", r.Name)
		}
	}
	for _, i := range c.Images {
		record := s.path(dirImages, i.ID().Hex+recordSuffix)
		i.each(func(class string, d v1.Hash) {
			path := s.blobPath(d)
			if class == classLayer {
				path = s.path(dirLayers, d.Hex, layerRecord)
			}
			if !exists(path) && exists(record) {
				v.add(MissingObject, path, "%s of image %s is missing", class, i.Info.ID)
			}
		})
	}
	return nil
}

// readable returns the records that are not damaged.
func (s *Store) readable() (c Contents) {
	_ = s.records(dirRefs, func(path string) error {
		var r Ref
		if readRecord(path, &r) == nil {
			c.Refs = append(c.Refs, r)
		}
		return nil
	})
	_ = s.records(dirImages, func(path string) error {
		var i Image
		if readRecord(path, &i) == nil {
			c.Images = append(c.Images, i)
		}
		return nil
	})
	return c
}

func (v *verifier) sessions() error {
	entries, err := os.ReadDir(v.store.path(dirSessions))
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := v.store.path(dirSessions, e.Name())
		// Without the file it begins or ends this moment.
		if l, err := lockExisting(filepath.Join(path, fileMarks)); err == nil {
			l.release()
			v.add(Leftover, path, "left by a killed process")
		}
	}
	return nil
}

// unknown looks for what the store never made.
func (v *verifier) unknown() error {
	known := map[string]bool{fileGuard: true, fileLayout: true, "blobs": true}
	for _, d := range directories {
		known[d] = true
	}
	record := func(n string) bool { return strings.HasSuffix(n, recordSuffix) || strings.HasPrefix(n, tempPrefix) }
	for dir, ours := range map[string]func(string) bool{
		"":         func(n string) bool { return known[n] || strings.HasPrefix(n, tempPrefix) },
		"blobs":    func(n string) bool { return n == "sha256" },
		dirBlobs:   validHex,
		dirLayers:  validHex,
		dirRefs:    record,
		dirImages:  record,
		dirLeases:  record,
		dirPartial: func(n string) bool { return validHex(strings.TrimSuffix(n, etagSuffix)) },
	} {
		entries, err := os.ReadDir(v.store.path(dir))
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !ours(e.Name()) {
				v.add(Unknown, v.store.path(dir, e.Name()), "not made by vz; left alone")
			}
		}
	}
	return nil
}
