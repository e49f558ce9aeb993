package pull

import (
	"errors"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
)

func isFlate(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.As(err, &corrupt)
}

func isZstd(err error) bool {
	for _, e := range []error{
		zstd.ErrMagicMismatch, zstd.ErrWindowSizeExceeded, zstd.ErrWindowSizeTooSmall, zstd.ErrBlockTooSmall, zstd.ErrCRCMismatch,
		zstd.ErrDecoderSizeExceeded, zstd.ErrCompressedSizeTooBig, zstd.ErrFrameSizeExceeded, zstd.ErrFrameSizeMismatch,
		zstd.ErrReservedBlockType, zstd.ErrUnexpectedBlockSize, zstd.ErrUnknownDictionary,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
