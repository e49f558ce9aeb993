package pull

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/inflate"
)

// maxZstdWindow bounds a decoder's memory; 128 MiB is what zstd --long makes.
const maxZstdWindow = 128 << 20

var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
	foreign   = map[string][]byte{
		"bzip2": []byte("BZh"),
		"xz":    {0xfd, '7', 'z', 'X', 'Z', 0},
	}
)

// decompress returns the bytes that r stands for. It goes by the first bytes,
// not by the media type, which is often wrong.
func decompress(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, 128<<10)
	head, err := br.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return &decompressed{inflate.NewReader(br)}, nil
	case bytes.HasPrefix(head, zstdMagic), len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18}):
		z, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, damaged(err)
		}
		return &decompressed{z.IOReadCloser()}, nil
	}
	for name, magic := range foreign {
		if bytes.HasPrefix(head, magic) {
			return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "the layer is compressed with %s; vz reads gzip, zstd and plain tar", name)
		}
	}
	return io.NopCloser(br), nil
}

// decompressed words a decoder's errors. Those of the source pass as they are.
type decompressed struct {
	io.ReadCloser
}

func (d *decompressed) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = damaged(err)
	}
	return n, err
}

// ofDecoder are the errors that say that the bytes are wrong.
var ofDecoder = []error{
	inflate.ErrHeader, inflate.ErrCorrupt, inflate.ErrChecksum,
	zstd.ErrMagicMismatch, zstd.ErrWindowSizeExceeded, zstd.ErrWindowSizeTooSmall, zstd.ErrBlockTooSmall, zstd.ErrCRCMismatch,
	zstd.ErrDecoderSizeExceeded, zstd.ErrCompressedSizeTooBig, zstd.ErrFrameSizeExceeded, zstd.ErrFrameSizeMismatch,
	zstd.ErrReservedBlockType, zstd.ErrUnexpectedBlockSize, zstd.ErrUnknownDictionary,
}

// damaged words what a decoder found. An unexpected end must not look like
// one that io.ReadFull reports.
func damaged(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return invalid("the compressed layer is cut off")
	}
	for _, e := range ofDecoder {
		if errors.Is(err, e) {
			return invalid("the compressed layer is damaged: %v", err)
		}
	}
	return err
}
