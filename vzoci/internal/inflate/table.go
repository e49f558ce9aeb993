package inflate

// A table entry says what the next bits mean.
//
//	bits  0-5   how many bits to consume, extra bits included
//	bits  8-11  how many of them are the code; of a link, the index bits of its subtable
//	bit   12    literal: the byte is the value
//	bit   13    end of block
//	bit   14    link: the value is where the subtable starts
//	bit   15    length or distance: the value is the base
//	bits 16-31  value
//
// Zero is a code that does not exist.
type entry uint32

const (
	isLiteral entry = 1 << 12
	isEnd     entry = 1 << 13
	isLink    entry = 1 << 14
	isBase    entry = 1 << 15
)

func (e entry) consume() uint { return uint(e) & 63 }
func (e entry) code() uint    { return uint(e) >> 8 & 15 }
func (e entry) value() int    { return int(e >> 16) }

const (
	maxCodeLength = 15
	litBits       = 11
	distBits      = 8
	// The main table and a subtable of the longest kind for each prefix that
	// can have one; powers of two, so that masked indexes need no check.
	litSize  = 1 << 13
	distSize = 1 << 13
)

// symbols of the two alphabets, without code lengths.
var (
	litSymbols  = makeLitSymbols()
	distSymbols = makeDistSymbols()
)

// symbol is an entry's meaning and its extra bits.
type symbol struct {
	entry entry
	extra uint
}

func makeLitSymbols() (s [288]symbol) {
	for i := range 256 {
		s[i] = symbol{isLiteral | entry(i)<<16, 0}
	}
	s[256] = symbol{isEnd, 0}
	base := 3
	for i := range 28 {
		extra := uint(max(0, i/4-1))
		s[257+i] = symbol{isBase | entry(base)<<16, extra}
		base += 1 << extra
	}
	s[285] = symbol{isBase | 258<<16, 0}
	return s // 286 and 287 do not exist
}

func makeDistSymbols() (s [32]symbol) {
	base := 1
	for i := range 30 {
		extra := uint(max(0, i/2-1))
		s[i] = symbol{isBase | entry(base)<<16, extra}
		base += 1 << extra
	}
	return s // 30 and 31 do not exist
}

// build fills table, whose main part has 1<<bits entries, from the code length
// of each symbol. It reports whether the lengths are a code: complete, or a
// single symbol of one bit, or nothing at all.
func build(table []entry, bits uint, symbols []symbol, lengths []uint8) bool {
	var count [maxCodeLength + 1]int
	longest := uint(0)
	for _, l := range lengths {
		count[l]++
		longest = max(longest, uint(l))
	}
	clear(table[:1<<bits])
	if longest == 0 {
		return true
	}
	var next [maxCodeLength + 1]uint
	code := uint(0)
	for l := uint(1); l <= longest; l++ {
		code <<= 1
		next[l] = code
		code += uint(count[l])
	}
	if code != 1<<longest && !(code == 1 && longest == 1) {
		return false
	}
	free := 1 << bits // where the next subtable goes
	for i, l := range lengths {
		if l == 0 {
			continue
		}
		length := uint(l)
		reversed := reverse(next[length], length)
		next[length]++
		s := symbols[i]
		if length <= bits {
			place(table[:1<<bits], reversed, length, s)
			continue
		}
		prefix := reversed & (1<<bits - 1)
		sub := longest - bits
		if table[prefix] == 0 {
			clear(table[free : free+1<<sub])
			table[prefix] = isLink | entry(free)<<16 | entry(sub)<<8 | entry(bits)
			free += 1 << sub
		}
		start := table[prefix].value()
		place(table[start:start+1<<sub], reversed>>bits, length-bits, s)
	}
	return true
}

// place enters a symbol at every index that ends in its code.
func place(table []entry, code, length uint, s symbol) {
	e := s.entry
	if e != 0 {
		e |= entry(length)<<8 | entry(length+s.extra)
	}
	for i := code; i < uint(len(table)); i += 1 << length {
		table[i] = e
	}
}

// reverse returns the lowest length bits of code in the opposite order.
func reverse(code, length uint) uint {
	r := uint(0)
	for range length {
		r = r<<1 | code&1
		code >>= 1
	}
	return r
}
