package unpack

import (
	"path"
	"strings"

	"vz.internal/vzcontract"
)

// Names with a meaning in layer archives, from AUFS.
const (
	whiteoutPrefix = ".wh."
	bookkeeping    = ".wh..wh." // AUFS's own files
	opaqueName     = ".wh..wh..opq"
	maxComponent   = 255
)

// A kind is what an entry's name says it is.
type kind int

const (
	ordinary kind = iota
	whiteout      // base is what it hides
	opaque        // of the directory parent
	ignored
)

func invalid(format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, format, args...)
}

// clean makes a name of the archive relative to the root, without "." and
// ".."; the root is "".
func clean(name string) string {
	s := strings.TrimPrefix(path.Clean(name), "/")
	for strings.HasPrefix(s, "../") {
		s = s[3:]
	}
	if s == "." || s == ".." {
		return ""
	}
	return s
}

// split takes a clean name apart.
func split(name string) (parent, base string) {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}

// classify tells whiteouts from other entries and checks the name.
func classify(name string, limit int) (parent, base string, k kind, err error) {
	if len(name) > limit {
		return "", "", 0, invalid("the name has %d bytes, more than %d", len(name), limit)
	}
	for rest := name; rest != ""; {
		var c string
		c, rest, _ = strings.Cut(rest, "/")
		switch {
		case len(c) > maxComponent:
			return "", "", 0, invalid("a part of the name has %d bytes, more than %d", len(c), maxComponent)
		case !strings.HasPrefix(c, whiteoutPrefix):
		case strings.HasPrefix(c, bookkeeping) && (c != opaqueName || rest != ""):
			return "", "", ignored, nil
		case rest != "":
			return "", "", 0, invalid("%q is a directory with the name of a whiteout", c)
		}
	}
	parent, base = split(name)
	switch hidden, isWhiteout := strings.CutPrefix(base, whiteoutPrefix); {
	case base == opaqueName:
		return parent, "", opaque, nil
	case isWhiteout && (hidden == "" || hidden == "." || hidden == ".."):
		return "", "", 0, invalid("a whiteout of no file")
	case isWhiteout:
		return parent, hidden, whiteout, nil
	}
	return parent, base, ordinary, nil
}
