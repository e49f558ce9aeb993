package unpack

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math"
)

// Limits bound what an archive may hold. Zero fields have the defaults.
type Limits struct {
	Bytes   int64 // of contents, holes too; default 512 GiB
	Entries int64 // default 4 Mi
	Name    int   // bytes of an entry's name or link target; default 4095
}

func (l Limits) orDefaults() Limits {
	return Limits{cmp.Or(l.Bytes, 512<<30), cmp.Or(l.Entries, 4<<20), cmp.Or(l.Name, 4095)}
}

// Options of [Apply].
type Options struct {
	// Lowers are the directories of the layers below, the nearest first. They
	// are only looked at when the archive needs them, and need not be there
	// before: see ErrLowerMissing.
	Lowers []string
	Limits Limits
}

// Result of [Apply].
type Result struct {
	Size    int64 // bytes of contents that were written
	Entries int64
	// RootFromBelow: the archive does not mention the root and the nearest lower
	// layer was not there. Once it is, call [InheritRoot].
	RootFromBelow bool
	// LeftOut says what could not be kept, and why; at most maxLeftOut lines.
	LeftOut []string
}

const maxLeftOut = 64

// Apply unpacks the archive that r delivers into dir, which must be an empty
// directory that nobody else writes to. It reads at most 64 KiB beyond
// the archive's end. After an error dir is empty again; a bad archive is
// vzcontract.ErrValidation and the text names the entry. An error of r is
// returned as it is. On systems other than Linux the error matches
// vzcontract.ErrUnsupported. Apply does not sync.
func Apply(ctx context.Context, dir string, r io.Reader, opts Options) (Result, error) {
	opts.Limits = opts.Limits.orDefaults()
	return apply(ctx, dir, r, opts)
}

// ErrLowerMissing is returned when the archive needs a lower layer that is not
// there yet: for a parent directory or a link target that only a lower layer
// has, or for whiteouts. Apply again when it is.
var ErrLowerMissing = errors.New("a layer below is not unpacked yet")

// InheritRoot gives the root of the layer at dir the owner, mode, times and
// attributes that the root of the layer below has. See [Result].
func InheritRoot(dir, lower string) error { return inheritRoot(dir, lower) }

const maxID = math.MaxUint32 - 1
