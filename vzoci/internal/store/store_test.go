package store

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/pull"
)

func openTest(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func begin(t *testing.T, s *Store) *Session {
	t.Helper()
	session, err := s.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() }) // mostly closed by the test
	return session
}

// addLayer unpacks a layer of one file.
func addLayer(t *testing.T, s *Session, chain v1.Hash) {
	t.Helper()
	l, err := s.BeginLayer(t.Context(), chain)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.Dir(), "file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(1); err != nil {
		t.Fatal(err)
	}
}

// imageWith returns the record of an image with one blob and one layer.
func imageWith(blob, chain v1.Hash) Image {
	return Image{
		Info: vzcontract.ImageInfo{ID: blob.String()}, Manifests: []v1.Descriptor{{Digest: blob}},
		Blobs: []v1.Hash{blob}, Layers: []LayerUse{{ChainID: chain, Size: 1}},
	}
}

func sweepAll(Contents) (Removal, error) { return Removal{Objects: All}, nil }

// What a session looked at stays until it ends.
func TestSweepHonoursSessions(t *testing.T) {
	s := openTest(t)
	first := begin(t, s)
	chain := digest([]byte("chain"))
	blob, err := first.WriteBlob([]byte("blob"))
	if err != nil {
		t.Fatal(err)
	}
	addLayer(t, first, chain)
	second := begin(t, s)
	if !second.Has(blob) || !second.HasLayer(chain) {
		t.Fatal("a second session does not see them")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for _, open := range []bool{true, false} {
		if _, err := s.Remove(t.Context(), sweepAll); err != nil {
			t.Fatal(err)
		}
		if s.Has(blob) != open || s.HasLayer(chain) != open {
			t.Errorf("blob %v, layer %v, want %v", s.Has(blob), s.HasLayer(chain), open)
		}
		if err := second.Close(); open && err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range directories {
		if entries, err := os.ReadDir(s.path(dir)); err != nil || len(entries) != 0 {
			t.Errorf("%s has %v, %v", dir, entries, err)
		}
	}
}

// After another boot, what was not synced is not believed; what a record names
// was synced.
func TestPowerLoss(t *testing.T) {
	s := openTest(t)
	session := begin(t, s)
	lost, kept := digest([]byte("lost")), digest([]byte("kept"))
	addLayer(t, session, lost)
	blob, err := session.WriteBlob([]byte("blob"))
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	session = begin(t, s)
	addLayer(t, session, kept)
	config, err := session.WriteBlob([]byte("config"))
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Publish(t.Context(), imageWith(config, kept)); err != nil {
		t.Fatal(err)
	}
	for _, d := range []v1.Hash{config} { // the removal of the note was lost
		if err := s.note(classBlob, d); err != nil {
			t.Fatal(err)
		}
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.LayerDir(lost), "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(s.blobPath(blob), 0); err != nil {
		t.Fatal(err)
	}

	s.boot = "another boot"
	session = begin(t, s)
	if session.HasLayer(lost) || session.Has(blob) {
		t.Error("what was not synced is believed")
	}
	if !session.HasLayer(kept) || !session.Has(config) {
		t.Error("what was synced is not believed")
	}
	addLayer(t, session, lost)
	if data, err := os.ReadFile(filepath.Join(s.LayerDir(lost), "file")); err != nil || string(data) != "x" {
		t.Errorf("the layer anew: %q, %v", data, err)
	}
	in, err := session.Ingest(t.Context(), blob, 4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte("blob")); err != nil {
		t.Fatal(err)
	}
	if err := in.Commit(); err != nil {
		t.Fatal(err)
	}
	if !session.Has(blob) {
		t.Error("the blob anew is not there")
	}
	if _, err := session.BeginLayer(t.Context(), kept); !errors.Is(err, pull.ErrExists) {
		t.Errorf("BeginLayer of a synced layer = %v", err)
	}
}

func TestIngest(t *testing.T) {
	s := openTest(t)
	session := begin(t, s)
	data := []byte("some bytes")
	d, size := digest(data), int64(len(data))
	in, err := session.Ingest(t.Context(), d, size)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write(data[:4]); err != nil {
		t.Fatal(err)
	}
	if err := in.SetETag("v1"); err != nil {
		t.Fatal(err)
	}
	// Another session waits for it, and gives up.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	other := begin(t, s)
	if _, err := other.Ingest(ctx, d, size); !errors.Is(err, context.Canceled) {
		t.Errorf("second Ingest = %v, want canceled", err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if in, err = other.Ingest(t.Context(), d, size); err != nil || in.Offset() != 4 || in.ETag() != "v1" {
		t.Fatalf("Ingest again: %v", err)
	}
	if err := in.Commit(); !errors.Is(err, pull.ErrDigest) {
		t.Errorf("Commit of a part = %v", err)
	}
	partial, err := in.Partial()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(partial); err != nil || string(got) != "some" {
		t.Errorf("partial = %q, %v", got, err)
	}
	_ = partial.Close()
	if _, err := in.Write(data[4:]); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(in.Commit(), in.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := session.Ingest(t.Context(), d, size); !errors.Is(err, pull.ErrExists) {
		t.Errorf("Ingest of a blob = %v", err)
	}
	for _, dir := range []string{dirPartial, dirLocks} {
		if entries, err := os.ReadDir(s.path(dir)); err != nil || len(entries) != 0 {
			t.Errorf("%s has %v, %v", dir, entries, err)
		}
	}
}

func TestOwners(t *testing.T) {
	s := openTest(t)
	for _, owner := range []string{"", ".", "..", "a/b", "-x", strings.Repeat("a", 129), "a\x00"} {
		err := s.Lease(t.Context(), func() (Lease, error) { return Lease{Owner: owner}, nil })
		if !errors.Is(err, vzcontract.ErrValidation) || !errors.Is(s.Unlease(owner), vzcontract.ErrValidation) {
			t.Errorf("owner %q: %v, want invalid", owner, err)
		}
	}
}

func FuzzRecords(f *testing.F) {
	f.Add([]byte(`{"name":"a","image":"sha256:x"}`))
	f.Add([]byte(`{"info":{"id":"sha256:"},"manifests":[{}]}`))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, strings.Repeat("0", 64)+recordSuffix)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var i Image
		if err := readRecord(path, &i); err == nil {
			_ = i.ID()
		}
		_ = readRecord(path, new(Ref))
		_ = readRecord(path, new(Lease))
	})
}
