package vhostuser

import (
	"errors"
	"sync/atomic"
	"unsafe"
)

// maxRing is the longest ring that is taken.
const maxRing = 1024

// Flags of a descriptor.
const (
	descNext     = 1
	descWrite    = 2
	descIndirect = 4
	descSize     = 16
)

const (
	availNoInterrupt = 1 // the guest wants no interrupt
	usedNoNotify     = 1 // the device wants no kick
)

// A ring is a split virtqueue in the guest's memory. Its slices have been checked
// to be long enough and aligned; what is in them can change at any time.
type ring struct {
	num               uint32
	desc, avail, used []byte
	last              uint16 // next entry of avail
	usedIndex         uint16
}

// newRing checks where a ring shall be.
func newRing(m memory, num uint32, desc, avail, used uint64, last uint16) (*ring, error) {
	if num == 0 || num > maxRing || num&(num-1) != 0 {
		return nil, errors.New("the length of a ring is no power of two up to 1024")
	}
	if desc%16 != 0 || avail%4 != 0 || used%4 != 0 {
		return nil, errors.New("a ring is not aligned")
	}
	r := &ring{num: num, desc: m.user(desc, num*descSize), avail: m.user(avail, 4+2*num), used: m.user(used, 4+8*num), last: last}
	if r.desc == nil || r.avail == nil || r.used == nil {
		return nil, errors.New("a ring lies outside of the guest's memory")
	}
	for _, part := range [][]byte{r.desc, r.avail, r.used} {
		if uintptr(unsafe.Pointer(&part[0]))%4 != 0 {
			return nil, errors.New("a ring is not aligned in its region")
		}
	}
	r.usedIndex = uint16(load(r.used) >> 16)
	return r, nil
}

// load reads the first word of a ring's part, flags and index, as the guest wrote
// them together or apart.
func load(part []byte) uint32 { return atomic.LoadUint32((*uint32)(unsafe.Pointer(&part[0]))) }

func store(part []byte, word uint32) { atomic.StoreUint32((*uint32)(unsafe.Pointer(&part[0])), word) }

// available tells whether the guest has handed over buffers.
func (r *ring) available() bool { return uint16(load(r.avail)>>16) != r.last }

// wantsInterrupt tells whether the guest wants to hear of used buffers.
func (r *ring) wantsInterrupt() bool { return load(r.avail)&availNoInterrupt == 0 }

// listen tells the guest whether to kick.
func (r *ring) listen(on bool) {
	flags := uint32(usedNoNotify)
	if on {
		flags = 0
	}
	store(r.used, uint32(r.usedIndex)<<16|flags)
}

// push hands the buffers of head back with n bytes written.
func (r *ring) push(head uint16, n uint32) {
	entry := r.used[4+8*(uint32(r.usedIndex)%r.num):]
	le.PutUint32(entry, uint32(head))
	le.PutUint32(entry[4:], n)
	r.usedIndex++
	store(r.used, uint32(r.usedIndex)<<16|load(r.used)&0xffff)
}
