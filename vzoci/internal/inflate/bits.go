package inflate

import "io"

// more reads input. It keeps what is not yet used. At the end of the source it
// returns that error, io.ErrUnexpectedEOF for a plain end.
func (d *Reader) more() error {
	if d.srcErr != nil {
		return d.srcErr
	}
	d.end = copy(d.in, d.in[d.pos:d.end])
	d.pos = 0
	for tries := 0; ; tries++ {
		n, err := d.src.Read(d.in[d.end:inputSize])
		d.end += n
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		d.srcErr = err
		switch {
		case n > 0:
			return nil
		case err != nil:
			return err
		case tries == 100:
			d.srcErr = io.ErrNoProgress
		}
	}
}

// need fills the bit buffer until it holds n bits, n ≤ 56.
func (d *Reader) need(n uint) error {
	for d.nbits < n {
		if d.pos == d.end {
			if err := d.more(); err != nil {
				return err
			}
		}
		d.bits |= uint64(d.in[d.pos]) << d.nbits
		d.pos++
		d.nbits += 8
	}
	return nil
}

// drop consumes n bits that are there.
func (d *Reader) drop(n uint) {
	d.bits >>= n
	d.nbits -= n
}

// take consumes n bits, n ≤ 32, and returns them.
func (d *Reader) take(n uint) (uint, error) {
	if err := d.need(n); err != nil {
		return 0, err
	}
	v := uint(d.bits & (1<<n - 1))
	d.drop(n)
	return v, nil
}

// align drops the bits up to the next whole byte.
func (d *Reader) align() { d.drop(d.nbits & 7) }

// atEnd reports whether the source has ended where a stream may.
func (d *Reader) atEnd() (bool, error) {
	if d.nbits > 0 || d.pos < d.end {
		return false, nil
	}
	err := d.more()
	if err == io.ErrUnexpectedEOF {
		return true, nil
	}
	return false, err
}
