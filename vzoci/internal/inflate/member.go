package inflate

import (
	"hash/crc32"
	"io"
)

// Flags of a member's header.
const (
	hasText uint = 1 << iota
	hasHeaderCRC
	hasExtra
	hasName
	hasComment
)

// beginMember reads a header, or finds the end of the stream.
func (d *Reader) beginMember() error {
	d.align()
	if d.started {
		if end, err := d.atEnd(); err != nil {
			return err
		} else if end {
			return io.EOF
		}
	}
	h := header{Reader: d}
	var fixed [10]byte
	if err := h.read(fixed[:3]); err != nil {
		return err
	}
	if fixed[0] != 0x1f || fixed[1] != 0x8b || fixed[2] != 8 {
		return ErrHeader
	}
	if err := h.read(fixed[3:]); err != nil {
		return err
	}
	if err := h.options(uint(fixed[3])); err != nil {
		return err
	}
	d.block, d.final, d.crc, d.size = noBlock, false, 0, 0
	d.low = d.w // a member cannot reach back into the one before
	return nil
}

// endMember reads the trailer.
func (d *Reader) endMember() error {
	d.align()
	crc, err := d.take(32)
	if err != nil {
		return err
	}
	size, err := d.take(32)
	if err != nil {
		return err
	}
	if uint32(crc) != d.crc || uint32(size) != d.size { //nolint:gosec // 32 bits were taken
		return ErrChecksum
	}
	d.block, d.final, d.started = noMember, false, true
	return nil
}

// header reads a member's header and sums it.
type header struct {
	*Reader
	crc uint32
}

func (h *header) read(p []byte) error {
	for i := range p {
		c, err := h.take(8)
		if err != nil {
			return err
		}
		p[i] = byte(c)
	}
	h.crc = crc32.Update(h.crc, crc32.IEEETable, p)
	return nil
}

// options reads past what flags announce.
func (h *header) options(flags uint) error {
	var b [2]byte
	if flags&hasExtra != 0 {
		if err := h.read(b[:]); err != nil {
			return err
		}
		if err := h.read(make([]byte, int(b[0])|int(b[1])<<8)); err != nil {
			return err
		}
	}
	for _, text := range []uint{hasName, hasComment} {
		if flags&text != 0 {
			if err := h.text(); err != nil {
				return err
			}
		}
	}
	if flags&hasHeaderCRC == 0 {
		return nil
	}
	want := uint16(h.crc) //nolint:gosec // the format has the lower half
	if err := h.read(b[:]); err != nil {
		return err
	}
	if uint16(b[0])|uint16(b[1])<<8 != want {
		return ErrHeader
	}
	return nil
}

// text reads past a text that ends with a zero byte. Its length, as Go's, is
// bounded.
func (h *header) text() error {
	var c [1]byte
	for range 512 {
		if err := h.read(c[:]); err != nil || c[0] == 0 {
			return err
		}
	}
	return ErrHeader
}
