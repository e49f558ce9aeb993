package vhostuser

import "encoding/binary"

var le = binary.LittleEndian

// The header of virtio-vsock.
const (
	headerSize = 44
	// maxPayload is the longest payload that is sent or taken.
	maxPayload = 64 << 10
	typeStream = 1
	hostCID    = 2
)

// Operations of a packet.
const (
	opRequest uint16 = 1 + iota
	opResponse
	opReset
	opShutdown
	opData
	opCreditUpdate
	opCreditRequest
)

// Flags of opShutdown: what the sender will not do any more.
const (
	shutReceive = 1
	shutSend    = 2
)

// A header is that of a packet between the host's port local and the guest's port
// peer.
type header struct {
	srcCID, dstCID   uint64
	srcPort, dstPort uint32
	length           uint32
	kind, op         uint16
	flags            uint32
	alloc, forwarded uint32 // the sender's credit
}

// parseHeader reads the header of a packet from the guest. It returns false if p
// is no whole packet.
func parseHeader(p []byte) (header, bool) {
	if len(p) < headerSize {
		return header{}, false
	}
	h := header{
		srcCID: le.Uint64(p), dstCID: le.Uint64(p[8:]), srcPort: le.Uint32(p[16:]), dstPort: le.Uint32(p[20:]),
		length: le.Uint32(p[24:]), kind: le.Uint16(p[28:]), op: le.Uint16(p[30:]), flags: le.Uint32(p[32:]),
		alloc: le.Uint32(p[36:]), forwarded: le.Uint32(p[40:]),
	}
	return h, h.length <= maxPayload && uint64(h.length) <= uint64(len(p)-headerSize)
}

// put writes the header to p, which has room for it.
func (h header) put(p []byte) {
	le.PutUint64(p, h.srcCID)
	le.PutUint64(p[8:], h.dstCID)
	le.PutUint32(p[16:], h.srcPort)
	le.PutUint32(p[20:], h.dstPort)
	le.PutUint32(p[24:], h.length)
	le.PutUint16(p[28:], h.kind)
	le.PutUint16(p[30:], h.op)
	le.PutUint32(p[32:], h.flags)
	le.PutUint32(p[36:], h.alloc)
	le.PutUint32(p[40:], h.forwarded)
}
