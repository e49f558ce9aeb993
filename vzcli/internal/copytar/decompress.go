package copytar

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"io"

	"github.com/klauspost/compress/zstd"

	"vz.internal/vzcontract"
)

// maxWindow bounds the memory of a decoder; 128 MiB is what zstd --long makes.
const maxWindow = 128 << 20

// Plain returns the archive that r stands for, which may be compressed with
// gzip, bzip2 or zstd: it goes by the first bytes. xz is refused.
func Plain(r io.Reader) (io.Reader, error) {
	in := bufio.NewReader(r)
	head, err := in.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return gzip.NewReader(in)
	case bytes.HasPrefix(head, []byte("BZh")):
		return bzip2.NewReader(in), nil
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	case bytes.Equal(head, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "the archive is compressed with xz: put xz -dc before the pipe; gzip, bzip2 and zstd are read as they are")
	}
	return in, nil
}
