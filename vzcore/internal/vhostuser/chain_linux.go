package vhostuser

import "errors"

var errChain = errors.New("the guest handed over a chain of buffers that makes no sense")

// pop takes the next chain of buffers from the ring, those that the guest reads
// from if write is set, else those that it wrote to; others are skipped. buffers is
// reused for the result. ok is false if there is no chain.
//
// A chain is at most as long as its table, so that one with a circle ends.
func (r *ring) pop(m memory, write bool, buffers [][]byte) (head uint16, out [][]byte, ok bool, err error) {
	if !r.available() {
		return 0, nil, false, nil
	}
	head = le.Uint16(r.avail[4+2*(uint32(r.last)%r.num):])
	r.last++
	out = buffers[:0]
	if uint32(head) >= r.num {
		return head, nil, false, errChain
	}
	table, index, indirect := r.desc, uint32(head), false
	for left := r.num; ; left-- {
		if left == 0 || index >= uint32(len(table)/descSize) {
			return head, nil, true, errChain
		}
		d := table[index*descSize:]
		address, length, flags := le.Uint64(d), le.Uint32(d[8:]), le.Uint16(d[12:])
		next := uint32(le.Uint16(d[14:]))
		if flags&descIndirect != 0 {
			table = m.guest(address, length)
			if indirect || flags&descNext != 0 || table == nil || length%descSize != 0 || length > maxRing*descSize {
				return head, nil, true, errChain
			}
			index, indirect, left = 0, true, length/descSize+1
			continue
		}
		if length > 0 && (flags&descWrite != 0) == write {
			buffer := m.guest(address, length)
			if buffer == nil {
				return head, nil, true, errChain
			}
			out = append(out, buffer)
		}
		if flags&descNext == 0 {
			return head, out, true, nil
		}
		index = next
	}
}

// gather copies buffers into to, as much as it has room for, and returns how much
// that is.
func gather(to []byte, buffers [][]byte) int {
	n := 0
	for _, b := range buffers {
		n += copy(to[n:], b)
	}
	return n
}

// scatter copies from into buffers and returns how much fitted.
func scatter(buffers [][]byte, from []byte) int {
	n := 0
	for _, b := range buffers {
		n += copy(b, from[n:])
	}
	return n
}

func size(buffers [][]byte) int {
	n := 0
	for _, b := range buffers {
		n += len(b)
	}
	return n
}
