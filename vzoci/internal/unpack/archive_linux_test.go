package unpack

import (
	"archive/tar"
	"bytes"
	"testing"
	"time"
)

// An entry of a test's archive.
type entry struct {
	tar.Header
	body string
}

var fixed = time.Unix(1_500_000_000, 123_456_789)

func file(name, body string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(body))}, body}
}

func folder(name string) entry {
	return entry{Header: tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}}
}

func symlink(name, target string) entry {
	return entry{Header: tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}}
}

func hardlink(name, target string) entry {
	return entry{Header: tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target, Mode: 0o644}}
}

func device(name string, kind byte, major, minor int64) entry {
	return entry{Header: tar.Header{Name: name, Typeflag: kind, Devmajor: major, Devminor: minor, Mode: 0o620}}
}

func (e entry) with(edit func(*tar.Header)) entry {
	edit(&e.Header)
	return e
}

func withXattr(name, value string) func(*tar.Header) {
	return func(h *tar.Header) { h.PAXRecords = map[string]string{"SCHILY.xattr." + name: value} }
}

// archive writes entries as they are given.
func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := e.Header
		if h.ModTime.IsZero() {
			h.ModTime = fixed
		}
		if h.Format == tar.FormatUnknown {
			h.Format = tar.FormatPAX
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatalf("header of %q: %v", h.Name, err)
		}
		if _, err := w.Write([]byte(e.body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
