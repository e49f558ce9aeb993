package inflate

import "encoding/binary"

// decode goes on with a coded block until it ends or the output is full.
func (d *Reader) decode() error {
	for d.w < windowSize+outputSize {
		if d.end-d.pos >= inputSlack {
			end, err := d.fast()
			if err != nil {
				return err
			}
			if end {
				d.block = noBlock
				return nil
			}
			continue
		}
		if d.srcErr == nil {
			if err := d.more(); err == nil {
				continue
			}
		}
		end, err := d.one()
		if err != nil {
			return err
		}
		if end {
			d.block = noBlock
			return nil
		}
	}
	return nil
}

// one decodes one symbol near the end of the input.
func (d *Reader) one() (end bool, err error) {
	e, err := d.lookUp(d.lit[:], litBits)
	if err != nil {
		return false, err
	}
	switch {
	case e&isLiteral != 0:
		d.drop(e.consume())
		d.out[d.w] = byte(e.value())
		d.w++
		return false, nil
	case e&isEnd != 0:
		d.drop(e.consume())
		return true, nil
	}
	length := d.base(e)
	if e, err = d.lookUp(d.dist[:], distBits); err != nil {
		return false, err
	}
	distance := d.base(e)
	if distance > d.w-d.low {
		return false, ErrCorrupt
	}
	for range length {
		d.out[d.w] = d.out[d.w-distance]
		d.w++
	}
	return false, nil
}

// base consumes a length or distance and returns it.
func (d *Reader) base(e entry) int {
	extra := d.bits & (1<<e.consume() - 1) >> e.code()
	d.drop(e.consume())
	return e.value() + int(extra)
}

// fast decodes symbols as long as a turn of the loop can neither run out of
// input (inputSlack) nor of room (outSlack). It reports whether the block
// ended.
func (d *Reader) fast() (end bool, err error) {
	const (
		litMask  = 1<<litBits - 1
		distMask = 1<<distBits - 1
	)
	in, out := d.in[:d.end], d.out
	pos, w := d.pos, d.w
	bits, nbits := d.bits, d.nbits
	lastIn, lastOut := len(in)-inputSlack, len(out)-outSlack
	lit, dist := &d.lit, &d.dist

	for pos <= lastIn && w < lastOut {
		// Bits above nbits are the true next ones; filling them in again
		// changes nothing.
		bits |= binary.LittleEndian.Uint64(in[pos:]) << (nbits & 63)
		pos += int((63 - nbits) >> 3)
		nbits |= 56

		e := lit[bits&litMask]
		if e&isLiteral != 0 {
			bits >>= e & 63
			nbits -= uint(e & 63)
			out[w] = byte(e >> 16)
			w++
			e = lit[bits&litMask]
			if e&isLiteral != 0 {
				bits >>= e & 63
				nbits -= uint(e & 63)
				out[w] = byte(e >> 16)
				w++
				e = lit[bits&litMask]
				if e&isLiteral != 0 {
					bits >>= e & 63
					nbits -= uint(e & 63)
					out[w] = byte(e >> 16)
					w++
					continue
				}
			}
		}
		if e&isBase == 0 {
			if e&isLink != 0 {
				bits >>= litBits
				nbits -= litBits
				e = lit[(uint(e>>16)+uint(bits&(1<<(e>>8&15)-1)))&(litSize-1)]
			}
			if e&isLiteral != 0 {
				bits >>= e & 63
				nbits -= uint(e & 63)
				out[w] = byte(e >> 16)
				w++
				continue
			}
			if e&isEnd != 0 {
				bits >>= e & 63
				nbits -= uint(e & 63)
				end = true
				break
			}
			if e&isBase == 0 {
				err = ErrCorrupt
				break
			}
		}
		length := int(e>>16) + int(bits&(1<<(e&63)-1)>>(e>>8&15))
		bits >>= e & 63
		nbits -= uint(e & 63)

		if nbits < 28 { // the longest distance with its extra bits
			bits |= binary.LittleEndian.Uint64(in[pos:]) << (nbits & 63)
			pos += int((63 - nbits) >> 3)
			nbits |= 56
		}
		e = dist[bits&distMask]
		if e&isLink != 0 {
			bits >>= distBits
			nbits -= distBits
			e = dist[(uint(e>>16)+uint(bits&(1<<(e>>8&15)-1)))&(distSize-1)]
		}
		if e&isBase == 0 {
			err = ErrCorrupt
			break
		}
		distance := int(e>>16) + int(bits&(1<<(e&63)-1)>>(e>>8&15))
		bits >>= e & 63
		nbits -= uint(e & 63)
		if distance > w-d.low {
			err = ErrCorrupt
			break
		}
		w = match(out, w, distance, length)
	}
	d.pos, d.w = pos, w
	d.bits, d.nbits = bits&(1<<nbits-1), nbits
	return end, err
}

// match repeats length bytes from distance back at w, and may write up to 8
// more. It returns where they end.
func match(out []byte, w, distance, length int) int {
	stop := w + length
	from := w - distance
	switch {
	case distance >= 8:
		for {
			binary.LittleEndian.PutUint64(out[w:], binary.LittleEndian.Uint64(out[from:]))
			w += 8
			from += 8
			if w >= stop {
				return stop
			}
		}
	case distance == 1:
		v := uint64(out[from]) * 0x0101010101010101
		for {
			binary.LittleEndian.PutUint64(out[w:], v)
			w += 8
			if w >= stop {
				return stop
			}
		}
	}
	for w < stop {
		out[w] = out[from]
		w++
		from++
	}
	return stop
}
