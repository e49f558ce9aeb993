package channel

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"syscall"
)

// MaxFrame is the longest payload of a frame in bytes.
const MaxFrame = 16 << 20

// ahead is how many bytes are allocated before they have arrived.
const ahead = 64 << 10

// A frameReader reads the frames of a connection.
type frameReader struct {
	conn *bufio.Reader
	head [4]byte
}

func newFrameReader(conn io.Reader) *frameReader { return &frameReader{conn: bufio.NewReader(conn)} }

// next returns the payload of the next frame. At the end of the connection it returns
// io.EOF between two frames and io.ErrUnexpectedEOF within one. Memory grows with what
// arrives, not with what is announced.
func (r *frameReader) next() ([]byte, error) {
	if n, err := io.ReadFull(r.conn, r.head[:]); err != nil {
		return nil, endOf(err, n > 0)
	}
	n := binary.LittleEndian.Uint32(r.head[:])
	if n > MaxFrame {
		return nil, violation("a frame of %d bytes, at most %d are allowed", n, MaxFrame)
	}
	payload := make([]byte, 0, min(n, ahead))
	for have := 0; have < int(n); have = len(payload) {
		payload = slices.Grow(payload, min(int(n)-have, max(have, ahead)))
		payload = payload[:min(int(n), cap(payload))]
		if _, err := io.ReadFull(r.conn, payload[have:]); err != nil {
			return nil, endOf(err, true)
		}
	}
	return payload, nil
}

// endOf is io.EOF or io.ErrUnexpectedEOF if err says that the other side has gone, and
// err if it says something else.
func endOf(err error, within bool) error {
	switch {
	case !gone(err):
		return err
	case within:
		return io.ErrUnexpectedEOF
	default:
		return io.EOF
	}
}

// gone tells whether err is how a connection fails when the other side has closed it.
func gone(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, syscall.EPIPE, syscall.ECONNRESET} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

// broken words the end of a connection for people.
func broken(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the other side has closed the connection within a frame: %w", err)
	case gone(err):
		return errors.New("the other side has closed the connection")
	case errors.Is(err, net.ErrClosed):
		return errors.New("the connection is closed")
	default:
		return fmt.Errorf("the connection broke: %w", err)
	}
}
