package channel

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
)

func helloFrame(window int) []byte {
	return seal(fmt.Appendf(make([]byte, 4), `{"kind":%q,"window":%d}`, kindHello, window))
}

func cancelFrame(id uint64) []byte {
	return seal(fmt.Appendf(make([]byte, 4), `{"kind":%q,"id":%d}`, kindCancel, id))
}

// valueFrame is a frame with value in field, which is "body" or "error". It also
// returns how many bytes the value takes.
func valueFrame(kind string, id uint64, field string, value any) (frame []byte, size int, err error) {
	b := bytes.NewBuffer(make([]byte, 4, 128))
	b.WriteString(prefixes[kind])
	b.Write(strconv.AppendUint(b.AvailableBuffer(), id, 10))
	b.WriteString(`,"` + field + `":`)
	begin := b.Len()
	if err := json.NewEncoder(b).Encode(value); err != nil {
		return nil, 0, fmt.Errorf("encode %s: %w", kind, err)
	}
	b.Truncate(b.Len() - 1) // a newline
	size = b.Len() - begin
	b.WriteByte('}')
	if n := b.Len() - 4; n > MaxFrame {
		return nil, 0, fmt.Errorf("%s takes a frame of %d bytes, at most %d are allowed", kind, n, MaxFrame)
	}
	return seal(b.Bytes()), size, nil
}

// seal writes the length into the first four bytes of a frame.
func seal(frame []byte) []byte {
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-4))
	return frame
}
