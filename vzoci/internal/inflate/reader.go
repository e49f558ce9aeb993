package inflate

import (
	"errors"
	"hash/crc32"
	"io"
)

// What can be wrong with a stream. One that ends in the middle is
// io.ErrUnexpectedEOF.
var (
	ErrHeader   = errors.New("not a gzip stream")
	ErrCorrupt  = errors.New("corrupt deflate data")
	ErrChecksum = errors.New("wrong checksum")
)

const (
	windowSize = 32 << 10
	outputSize = 256 << 10 // decoded before it is handed out
	inputSize  = 128 << 10
	inputSlack = 16  // bytes that the fast loop may load in one turn
	maxMatch   = 258 //
	outSlack   = maxMatch + 8 + 8
)

// A Reader decompresses one gzip stream of one or more members. It may read
// more from its source than the stream has.
type Reader struct {
	src    io.Reader
	srcErr error
	in     []byte // in[pos:end] is not yet in the bit buffer
	pos    int
	end    int

	bits  uint64 // the next bits, the first one lowest
	nbits uint   // how many of them count; those above are zero outside of fast

	out  []byte // out[low:w] may be copied from; out[r:w] is not yet handed out
	low  int
	r, w int

	block   block
	final   bool // the block is the member's last
	stored  int  // bytes left of a stored block
	crc     uint32
	size    uint32
	started bool // a member was read
	err     error

	lit  [litSize]entry
	dist [distSize]entry
}

// block is what the decoder is in the middle of.
type block uint8

const (
	noMember block = iota
	noBlock
	storedBlock
	codedBlock
)

// NewReader returns a reader of the gzip stream in src.
func NewReader(src io.Reader) *Reader {
	return &Reader{src: src, in: make([]byte, inputSize+8), out: make([]byte, windowSize+outputSize+outSlack)}
}

// Read implements io.Reader.
func (d *Reader) Read(p []byte) (int, error) {
	for d.r == d.w {
		if d.err != nil {
			return 0, d.err
		}
		if len(p) == 0 {
			return 0, nil
		}
		d.produce()
	}
	n := copy(p, d.out[d.r:d.w])
	d.r += n
	return n, nil
}

// Close implements io.Closer; the source stays open.
func (d *Reader) Close() error {
	if d.err == nil {
		d.err = io.ErrClosedPipe
	}
	return nil
}

// produce decodes until the output is full or the stream ends.
func (d *Reader) produce() {
	d.slide()
	from := d.w
	for d.err == nil && d.w < windowSize+outputSize {
		var err error
		switch d.block {
		case noMember:
			err = d.beginMember()
		case noBlock:
			err = d.beginBlock()
		case storedBlock:
			err = d.copyStored()
		case codedBlock:
			err = d.decode()
		}
		if d.block == noBlock && d.final && err == nil {
			d.sum(from)
			from = d.w
			err = d.endMember()
		}
		d.err = err
	}
	d.sum(from)
}

// sum counts what was decoded since from.
func (d *Reader) sum(from int) {
	d.crc = crc32.Update(d.crc, crc32.IEEETable, d.out[from:d.w])
	d.size += uint32(d.w - from) //nolint:gosec // modulo 2^32, as the format has it
}

// slide makes room, keeping the window. All of the output is handed out.
func (d *Reader) slide() {
	if d.w < windowSize+outputSize {
		return
	}
	keep := min(windowSize, d.w-d.low)
	copy(d.out[windowSize-keep:windowSize], d.out[d.w-keep:d.w])
	d.low, d.r, d.w = windowSize-keep, windowSize, windowSize
}
