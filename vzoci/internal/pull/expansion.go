package pull

import "io"

// maxExpansion is how often its size a compressed layer may unpack to, beyond
// freeExpansion, which is allowed to any. Programs and texts come to 10 times.
const (
	maxExpansion  = 250
	freeExpansion = 1 << 30
)

// expansion bounds what a decompressor delivers, against bombs.
type expansion struct {
	io.Reader
	left int64
}

func limitExpansion(r io.Reader, compressed int64) *expansion {
	return &expansion{r, freeExpansion + maxExpansion*min(compressed, 1<<50)}
}

func (e *expansion) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if e.left -= int64(n); e.left < 0 {
		return 0, invalid("the layer unpacks to more than %d times its size", maxExpansion)
	}
	return n, err
}
