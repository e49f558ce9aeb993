package agentproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// MaxFrame is the longest payload of a frame in bytes.
const MaxFrame = 16 << 20

// ErrFrameTooLong is matched when a peer announces, or a caller sends, a frame
// longer than allowed. The connection cannot go on.
var ErrFrameTooLong = errors.New("frame is too long")

// ReadFrame returns the payload of the next frame, which may be at most limit
// bytes. It returns io.EOF at the end of the connection between two frames and
// io.ErrUnexpectedEOF within one. Memory grows with what arrives, not with what
// is announced.
func ReadFrame(r io.Reader, limit int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	return readPayload(r, head, limit)
}

func readPayload(r io.Reader, head [4]byte, limit int) ([]byte, error) {
	n := binary.LittleEndian.Uint32(head[:])
	if uint64(n) > uint64(limit) {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrFrameTooLong, n, limit)
	}
	var payload bytes.Buffer
	payload.Grow(min(int(n), 64<<10))
	if _, err := io.CopyN(&payload, r, int64(n)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return payload.Bytes(), nil
}

// WriteFrame sends one frame in a single Write. Concurrent callers must hold a
// lock of their own.
func WriteFrame(w io.Writer, payload []byte) error {
	if len(payload) > MaxFrame {
		return fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrFrameTooLong, len(payload), MaxFrame)
	}
	frame := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(payload)), uint32(len(payload)))
	_, err := w.Write(append(frame, payload...))
	return err
}
