package owner

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"

	"vz.internal/vzlinux/agentproto"
)

// Bounds of what senders of datagrams may have.
const (
	maxSenders = 1024
	senderTime = 90 * time.Second // without a datagram from it
)

// relayDatagrams gives each sender to l a stream of its own to the container, on
// which each datagram follows its length.
func relayDatagrams(ctx context.Context, l net.PacketConn, dial func(context.Context) (agentproto.Conn, error)) {
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
func (s *sender) run(ctx context.Context, l net.PacketConn, dial func(context.Context) (agentproto.Conn, error)) {
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
