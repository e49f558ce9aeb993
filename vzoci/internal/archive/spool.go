package archive

import (
	"archive/tar"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
)

// Bounds on an archive.
const (
	maxEntries  = 100_000
	maxDocument = 8 << 20 // of a manifest or config
	maxLinks    = 8       // that lead to one file
)

// A File is one file of an archive, on disk.
type File struct {
	Path   string // where it is now
	Digest v1.Hash
	Size   int64
}

// A Spool is an archive whose files are on disk. Files stay where the caller's
// temporary files are; it removes them.
type Spool struct {
	files map[string]File
	links map[string]string
}

// Read reads a tar to its end. temp makes a file for each one in it.
func Read(r io.Reader, temp func() (*os.File, error)) (*Spool, error) {
	s := &Spool{files: map[string]File{}, links: map[string]string{}}
	tr := tar.NewReader(r)
	for n := 0; ; n++ {
		h, err := tr.Next()
		if err == io.EOF {
			return s, nil
		}
		if err != nil {
			return nil, unreadable(err)
		}
		if n >= maxEntries {
			return nil, invalid("it has more than %d entries", maxEntries)
		}
		if err := s.entry(h, tr, temp); err != nil {
			return nil, err
		}
	}
}

func (s *Spool) entry(h *tar.Header, r io.Reader, temp func() (*os.File, error)) error {
	name := clean(h.Name)
	if _, twice := s.files[name]; twice || s.links[name] != "" {
		return invalid("%q is in it twice", clip(name))
	}
	switch h.Typeflag {
	case tar.TypeReg:
		f, err := spool(r, temp)
		if err != nil {
			return err
		}
		if want, isBlob := strings.CutPrefix(name, blobs); isBlob && want != f.Digest.Hex {
			return invalid("the contents of %s have digest %s", clip(name), f.Digest)
		}
		s.files[name] = f
	case tar.TypeSymlink: // old archives of Docker share layers so
		s.links[name] = clean(path.Join(path.Dir(name), h.Linkname))
	case tar.TypeLink:
		s.links[name] = clean(h.Linkname)
	}
	return nil
}

func spool(r io.Reader, temp func() (*os.File, error)) (File, error) {
	f, err := temp()
	if err != nil {
		return File{}, err
	}
	sum := sha256.New()
	src := &reader{r: r}
	size, err := io.CopyBuffer(io.MultiWriter(f, sum), src, make([]byte, 256<<10))
	if src.err != nil {
		err = unreadable(src.err)
	}
	file := File{f.Name(), v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}, size}
	return file, cmp.Or(err, f.Close())
}

// reader keeps the source's error apart from that of the disk.
type reader struct {
	r   io.Reader
	err error
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// clean makes a name relative and free of "..".
func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// file returns the file with a name, through links.
func (s *Spool) file(name string) (File, bool) {
	name = clean(name)
	for range maxLinks {
		if f, ok := s.files[name]; ok {
			return f, true
		}
		to, ok := s.links[name]
		if !ok {
			break
		}
		name = to
	}
	return File{}, false
}

// Blob returns the file with a digest.
func (s *Spool) Blob(d v1.Hash) (File, bool) { return s.file(blobs + d.Hex) }

// document reads a small file.
func (s *Spool) document(name string) ([]byte, error) {
	f, ok := s.file(name)
	if !ok {
		return nil, invalid("%q is missing in it", clip(name))
	}
	return f.Read()
}

// Read returns the contents of a small file.
func (f File) Read() ([]byte, error) {
	if f.Size > maxDocument {
		return nil, invalid("a manifest or config in it has more than %d MiB", maxDocument>>20)
	}
	return os.ReadFile(f.Path)
}

func invalid(format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, "the archive is invalid: %s", fmt.Sprintf(format, args...))
}

// unreadable words what archive/tar found. Errors of the source pass.
func unreadable(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return invalid("it is cut off")
	case errors.Is(err, tar.ErrHeader), errors.Is(err, tar.ErrFieldTooLong):
		return invalid("not a tar archive, or a damaged one (%v)", err)
	}
	return err
}

func clip(s string) string {
	if len(s) > 120 {
		return s[:120] + "…"
	}
	return s
}
