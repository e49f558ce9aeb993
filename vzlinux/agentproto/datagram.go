package agentproto

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Bounds of what senders of datagrams may have.
const (
	maxSenders = 1024
	senderTime = 90 * time.Second // without a datagram from it
)

// RelayDatagrams gives each sender to l a stream of its own that dial makes, on which
// each datagram follows its length as a little-endian uint16. It returns when l is
// closed.
func RelayDatagrams(ctx context.Context, l net.PacketConn, dial func(context.Context) (Conn, error)) {
	var mu sync.Mutex
	senders := map[string]*sender{}
	buf := make([]byte, 64<<10)
	for {
		n, from, err := l.ReadFrom(buf)
		if err != nil {
			return
		}
		mu.Lock()
		s := senders[from.String()]
		if s == nil && len(senders) < maxSenders {
			s = &sender{to: from, in: make(chan []byte, 64)}
			senders[from.String()] = s
			go func() {
				s.run(ctx, l, dial)
				mu.Lock()
				delete(senders, from.String())
				mu.Unlock()
			}()
		}
		mu.Unlock()
		if s != nil {
			select {
			case s.in <- append([]byte(nil), buf[:n]...):
			default: // too fast: datagrams may be lost
			}
		}
	}
}

type sender struct {
	to net.Addr
	in chan []byte
}

// run copies both ways until the sender is silent.
func (s *sender) run(ctx context.Context, l net.PacketConn, dial func(context.Context) (Conn, error)) {
	far, err := dial(ctx)
	if err != nil {
		return
	}
	defer far.Close()
	go func() {
		var head [2]byte
		buf := make([]byte, 64<<10)
		for {
			if _, err := io.ReadFull(far, head[:]); err != nil {
				return
			}
			data := buf[:binary.LittleEndian.Uint16(head[:])]
			if _, err := io.ReadFull(far, data); err != nil {
				return
			}
			if _, err := l.WriteTo(data, s.to); err != nil {
				return
			}
		}
	}()
	silence := time.NewTimer(senderTime)
	defer silence.Stop()
	for {
		select {
		case data := <-s.in:
			silence.Reset(senderTime)
			frame := binary.LittleEndian.AppendUint16(make([]byte, 0, 2+len(data)), uint16(len(data)))
			if _, err := far.Write(append(frame, data...)); err != nil {
				return
			}
		case <-silence.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// CopyDatagrams carries datagrams both ways between a socket and a stream in which each
// follows its length, until the stream ends. It closes both.
func CopyDatagrams(socket, stream net.Conn) {
	var wait sync.WaitGroup
	// A datagram socket has no end of its own: the stream's end is its end.
	wait.Go(func() {
		_ = Datagrams(socket, stream)
		_ = socket.Close()
	})
	wait.Go(func() { _ = Frames(stream, socket) })
	wait.Wait()
	_ = stream.Close()
}

// Datagrams sends each frame of stream as one datagram.
func Datagrams(to io.Writer, stream io.Reader) error {
	buf := make([]byte, 1<<16)
	for {
		var head [2]byte
		if _, err := io.ReadFull(stream, head[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		datagram := buf[:binary.LittleEndian.Uint16(head[:])]
		if _, err := io.ReadFull(stream, datagram); err != nil {
			return fmt.Errorf("half a datagram: %w", err)
		}
		// A datagram that cannot be sent is lost, as datagrams are.
		if _, err := to.Write(datagram); errors.Is(err, net.ErrClosed) {
			return err
		}
	}
}

// Frames writes each datagram that arrives as a frame of stream.
func Frames(stream io.Writer, from io.Reader) error {
	buf := make([]byte, 2+1<<16)
	for {
		n, err := from.Read(buf[2:])
		if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			continue // an ICMP error of an earlier datagram
		}
		binary.LittleEndian.PutUint16(buf, uint16(min(n, 1<<16-1)))
		if _, err := stream.Write(buf[:2+min(n, 1<<16-1)]); err != nil {
			return err
		}
	}
}
