package sparse

import (
	"hash/crc32"
	"os"
	"sync"
)

var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

// Checksum returns a file's size and the CRC-32C of all its bytes. Holes are not read.
func Checksum(f *os.File) (size int64, sum uint32, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	size = info.Size()
	done := int64(0) // of the file, up to here
	err = read(f, size, func(data []byte, at int64) error {
		sum = overZeros(sum, at-done)
		sum = crc32.Update(sum, castagnoli(), data)
		done = at + int64(len(data))
		return nil
	})
	return size, overZeros(sum, size-done), err
}

// A matrix over GF(2), by columns: what a step does to each bit of a CRC.
type matrix [32]uint32

func (m *matrix) apply(v uint32) (out uint32) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 != 0 {
			out ^= m[i]
		}
	}
	return out
}

func (m *matrix) squared() (out matrix) {
	for i := range m {
		out[i] = m.apply(m[i])
	}
	return out
}

// powers[i] is what 1<<i bytes of zeros do.
var powers = sync.OnceValue(func() *[63]matrix {
	var all [63]matrix
	var bit matrix // one bit of zero
	bit[0] = crc32.Castagnoli
	for i := 1; i < len(bit); i++ {
		bit[i] = 1 << (i - 1)
	}
	two := bit.squared()
	four := two.squared()
	all[0] = four.squared()
	for i := 1; i < len(all); i++ {
		all[i] = all[i-1].squared()
	}
	return &all
})

// overZeros returns the CRC of what has the CRC sum, followed by n bytes of zeros.
func overZeros(sum uint32, n int64) uint32 {
	all := powers()
	sum = ^sum
	for i := 0; n > 0; i, n = i+1, n>>1 {
		if n&1 != 0 {
			sum = all[i].apply(sum)
		}
	}
	return ^sum
}
