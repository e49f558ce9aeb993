//go:build linux

package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	headerSize = 8
	magic      = 0x767a // "vz"
	maxBody    = 4 << 20
	maxFiles   = 4
)

// ErrMalformed: the other side does not speak this protocol.
var ErrMalformed = errors.New("malformed message")

// A Conn sends and receives messages. Several goroutines may send; one may
// receive at a time.
type Conn struct {
	c  *net.UnixConn
	mu sync.Mutex // held while a frame is sent
}

// NewConn wraps a connected stream socket.
func NewConn(c *net.UnixConn) *Conn { return &Conn{c: c} }

// FileConn wraps a connected stream socket given as a file, which it closes.
func FileConn(f *os.File) (*Conn, error) {
	c, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("%s is no unix socket", f.Name())
	}
	return NewConn(u), nil
}

// Close ends the connection.
func (c *Conn) Close() error { return c.c.Close() }

// Send sends a message with files, which stay the caller's.
func (c *Conn) Send(m *Message, files ...*os.File) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("send %s: %w", m.Op, err)
	}
	if len(body) > maxBody || len(files) > maxFiles {
		return fmt.Errorf("send %s: %d bytes and %d files are too much", m.Op, len(body), len(files))
	}
	frame := make([]byte, headerSize, headerSize+len(body))
	binary.BigEndian.PutUint16(frame, magic)
	frame[2], frame[3] = Version, byte(len(files))
	binary.BigEndian.PutUint32(frame[4:], uint32(len(body)))
	frame = append(frame, body...)
	var oob []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			if fds[i], err = descriptor(f); err != nil {
				return fmt.Errorf("send %s: %w", m.Op, err)
			}
		}
		oob = unix.UnixRights(fds...)
	}
	defer runtime.KeepAlive(files)
	c.mu.Lock()
	defer c.mu.Unlock()
	n, _, err := c.c.WriteMsgUnix(frame, oob, nil)
	if err == nil && n < len(frame) {
		_, err = c.c.Write(frame[n:])
	}
	if err != nil {
		return fmt.Errorf("send %s: %w", m.Op, err)
	}
	return nil
}

// Receive returns the next message and the files that came with it, which are
// the caller's now. At the end of the connection it is io.EOF; what makes no
// sense is ErrMalformed.
func (c *Conn) Receive() (*Message, []*os.File, error) {
	var header [headerSize]byte
	files, err := c.header(header[:])
	if err != nil {
		closeAll(files)
		return nil, nil, err
	}
	m, err := c.body(header, len(files))
	if err != nil {
		closeAll(files)
		return nil, nil, err
	}
	return m, files, nil
}

// header reads a header and the files beside it.
func (c *Conn) header(buf []byte) ([]*os.File, error) {
	oob := make([]byte, unix.CmsgSpace(4*maxFiles))
	n, oobn, flags, _, err := c.c.ReadMsgUnix(buf, oob)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, io.EOF
	}
	files, err := received(oob[:oobn])
	if err != nil {
		return files, err
	}
	if flags&unix.MSG_CTRUNC != 0 {
		return files, fmt.Errorf("%w: too many files", ErrMalformed)
	}
	if _, err := io.ReadFull(c.c, buf[n:]); err != nil {
		return files, cut(err)
	}
	return files, nil
}

func (c *Conn) body(header [headerSize]byte, files int) (*Message, error) {
	size := binary.BigEndian.Uint32(header[4:])
	switch {
	case binary.BigEndian.Uint16(header[:]) != magic:
		return nil, fmt.Errorf("%w: no vz frame", ErrMalformed)
	case header[2] != Version:
		return nil, fmt.Errorf("%w: version %d of the protocol, this vz speaks %d", ErrMalformed, header[2], Version)
	case int(header[3]) != files:
		return nil, fmt.Errorf("%w: %d files came of %d", ErrMalformed, files, header[3])
	case size > maxBody:
		return nil, fmt.Errorf("%w: a message of %d bytes", ErrMalformed, size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(c.c, body); err != nil {
		return nil, cut(err)
	}
	m := new(Message)
	if err := json.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	if m.Files() != files {
		return nil, fmt.Errorf("%w: %s with %d files", ErrMalformed, m.Op, files)
	}
	return m, nil
}

// cut tells an end in the middle of a frame from one between frames.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: cut short", ErrMalformed)
	}
	return err
}

// received returns the files of control messages.
func received(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	var files []*os.File
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return files, fmt.Errorf("%w: %v", ErrMalformed, err)
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "stream"))
		}
	}
	return files, nil
}

// descriptor returns the file's descriptor and leaves its mode alone, which
// Fd does not.
func descriptor(f *os.File) (fd int, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	err = raw.Control(func(n uintptr) { fd = int(n) })
	return fd, err
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
