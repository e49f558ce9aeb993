package pull

import "io"

// maxExpansion is how often its size a compressed layer may unpack to, beyond
// freeExpansion, which is allowed to any. Programs and texts come to 10 times,
// zeros with gzip to 1032 times; only zstd can go further, and a file of zeros
// of 60 GiB may be what its author means.
const (
	maxExpansion  = 1100
	freeExpansion = 64 << 30
)

// expansion bounds what a decompressor delivers, against bombs.
type expansion struct {
	io.Reader
	left int64
}

func limitExpansion(r io.Reader, free, compressed int64) *expansion {
	return &expansion{r, free + maxExpansion*min(compressed, 1<<50)}
}

func (e *expansion) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if e.left -= int64(n); e.left < 0 {
		return 0, invalid("the layer unpacks to more than %d times its size", maxExpansion)
	}
	return n, err
}
