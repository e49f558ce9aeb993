package copytar

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"io"

	"vz.internal/vzcontract"
	"vz.internal/vzoci"
)

// Plain returns the archive that r stands for, which may be compressed with
// gzip, bzip2 or zstd: it goes by the first bytes. xz is refused.
func Plain(r io.Reader) (io.Reader, error) {
	in := bufio.NewReader(r)
	head, err := in.Peek(6)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("BZh")):
		return bzip2.NewReader(in), nil
	case bytes.Equal(head, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "the archive is compressed with xz: put xz -dc before the pipe; gzip, bzip2 and zstd are read as they are")
	}
	return vzoci.Decompress(in)
}
