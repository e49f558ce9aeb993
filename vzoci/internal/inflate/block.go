package inflate

// beginBlock reads a block's header.
func (d *Reader) beginBlock() error {
	head, err := d.take(3)
	if err != nil {
		return err
	}
	d.final = head&1 != 0
	switch head >> 1 {
	case 0:
		return d.beginStored()
	case 1:
		d.fixed()
		return nil
	case 2:
		return d.dynamic()
	}
	return ErrCorrupt
}

func (d *Reader) beginStored() error {
	d.align()
	n, err := d.take(32)
	if err != nil {
		return err
	}
	length, check := n&0xffff, n>>16
	if length != ^check&0xffff {
		return ErrCorrupt
	}
	d.block, d.stored = storedBlock, int(length)
	return nil
}

// copyStored copies what fits of a stored block.
func (d *Reader) copyStored() error {
	for d.stored > 0 && d.w < windowSize+outputSize {
		if d.nbits > 0 { // whole bytes that are in the bit buffer
			c, err := d.take(8)
			if err != nil {
				return err
			}
			d.out[d.w] = byte(c)
			d.w++
			d.stored--
			continue
		}
		if d.pos == d.end {
			if err := d.more(); err != nil {
				return err
			}
		}
		room := min(d.stored, windowSize+outputSize-d.w)
		n := copy(d.out[d.w:d.w+room], d.in[d.pos:d.end])
		d.pos += n
		d.w += n
		d.stored -= n
	}
	if d.stored == 0 {
		d.block = noBlock
	}
	return nil
}

// fixed sets up the code that the format defines.
func (d *Reader) fixed() {
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	var dist [32]uint8
	for i := range dist {
		dist[i] = 5
	}
	build(d.lit[:], litBits, litSymbols[:], lengths[:])
	build(d.dist[:], distBits, distSymbols[:], dist[:])
	d.block = codedBlock
}

// order is that of the lengths of the code for code lengths.
var order = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamic reads the codes of a block.
func (d *Reader) dynamic() error {
	head, err := d.take(14)
	if err != nil {
		return err
	}
	nlit, ndist, ncode := int(head&31)+257, int(head>>5&31)+1, int(head>>10)+4
	if nlit > 286 || ndist > 30 {
		return ErrCorrupt
	}
	var codeLengths [19]uint8
	for _, i := range order[:ncode] {
		n, err := d.take(3)
		if err != nil {
			return err
		}
		codeLengths[i] = uint8(n)
	}
	var lengths [286 + 30]uint8
	if err := d.readLengths(codeLengths[:], lengths[:nlit+ndist]); err != nil {
		return err
	}
	if lengths[256] == 0 {
		return ErrCorrupt // no end of block
	}
	if !build(d.lit[:], litBits, litSymbols[:], lengths[:nlit]) ||
		!build(d.dist[:], distBits, distSymbols[:], lengths[nlit:nlit+ndist]) {
		return ErrCorrupt
	}
	d.block = codedBlock
	return nil
}

// lengthSymbols are the numbers 0 to 18, as literals.
var lengthSymbols = func() (s [19]symbol) {
	for i := range s {
		s[i] = symbol{isLiteral | entry(i)<<16, 0}
	}
	return s
}()

const lengthBits = 7

func (d *Reader) readLengths(codeLengths, lengths []uint8) error {
	var table [1 << lengthBits]entry
	if !build(table[:], lengthBits, lengthSymbols[:], codeLengths) {
		return ErrCorrupt
	}
	for i := 0; i < len(lengths); {
		e, err := d.lookUp(table[:], lengthBits)
		if err != nil {
			return err
		}
		d.drop(e.consume())
		symbol := e.value()
		if symbol < 16 {
			lengths[i] = uint8(symbol)
			i++
			continue
		}
		value, base, extra := uint8(0), 3, uint(3)
		switch symbol {
		case 16:
			if i == 0 {
				return ErrCorrupt
			}
			value, extra = lengths[i-1], 2
		case 18:
			base, extra = 11, 7
		}
		n, err := d.take(extra)
		if err != nil {
			return err
		}
		end := i + base + int(n)
		if end > len(lengths) {
			return ErrCorrupt
		}
		for ; i < end; i++ {
			lengths[i] = value
		}
	}
	return nil
}

// lookUp finds the entry of the next bits, of which all that it consumes are
// then in the bit buffer. Links are followed: their prefix is consumed.
func (d *Reader) lookUp(table []entry, bits uint) (entry, error) {
	base := 0
	for {
		e := table[base+int(d.bits&(1<<bits-1))]
		if e != 0 && e.code() <= d.nbits && e&isLink == 0 {
			return e, d.need(e.consume())
		}
		if e&isLink != 0 && bits <= d.nbits {
			sub := e.code()
			d.drop(bits)
			base, bits = e.value(), sub
			continue
		}
		if d.nbits >= bits {
			return 0, ErrCorrupt // no such code
		}
		// Bits beyond those that are there were taken for zeros.
		if err := d.need(d.nbits + 1); err != nil {
			return 0, err
		}
	}
}
