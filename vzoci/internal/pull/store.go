package pull

import (
	"context"
	"errors"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
)

// ErrExists is what a [Store] returns for what is there already.
var ErrExists = errors.New("already in the store")

// ErrDigest is what a [Store] returns for a blob with other contents than its
// digest says.
var ErrDigest = vzcontract.Errorf(vzcontract.ErrValidation, "what the registry sent has another digest or size")

// ErrLowerMissing is what an [Unpacker] returns when it needs a layer below that
// is not unpacked yet. The layer is unpacked again when all below it are.
var ErrLowerMissing = errors.New("a layer below is not unpacked yet")

// A Store keeps blobs and unpacked layers; it is safe for concurrent use by
// several processes.
type Store interface {
	Has(d v1.Hash) bool
	OpenBlob(d v1.Hash) (*os.File, error)
	WriteBlob(raw []byte) (v1.Hash, error)
	// Discard removes a blob that is damaged.
	Discard(d v1.Hash) error
	// Ingest starts or goes on with the download of a blob. While another
	// one downloads it, Ingest waits. ErrExists when it is there.
	Ingest(ctx context.Context, d v1.Hash, size int64) (Ingest, error)
	HasLayer(chainID v1.Hash) bool
	// BeginLayer starts the unpacking of a layer. While another one unpacks
	// it, BeginLayer waits. ErrExists when it is there.
	BeginLayer(ctx context.Context, chainID v1.Hash) (Layer, error)
}

// An Ingest is a blob that arrives.
type Ingest interface {
	// Write appends, and hashes what it appends.
	io.Writer
	// Offset is how much is on disk, hashed.
	Offset() int64
	// Partial opens what is on disk, to be read from the start.
	Partial() (*os.File, error)
	// ETag is the version that the partial download is of.
	ETag() string
	SetETag(etag string) error
	// Restart forgets what is on disk.
	Restart() error
	// Commit verifies digest and size and gives the blob its name.
	Commit() error
	// Close ends the download and keeps what has arrived. It is a no-op
	// after Commit.
	Close() error
}

// A Layer is a directory that is being filled.
type Layer interface {
	Dir() string
	Commit(size int64) error
	// Abort removes the directory. It is a no-op after Commit.
	Abort() error
}

// An Unpacker applies an uncompressed layer archive to dir, in overlay form.
// lowers are the chain ids below, the nearest first; as layers are unpacked side
// by side some may not be there yet, see [ErrLowerMissing]. It returns the bytes
// that the layer takes on disk.
type Unpacker func(ctx context.Context, dir string, tar io.Reader, lowers []v1.Hash) (size int64, err error)
