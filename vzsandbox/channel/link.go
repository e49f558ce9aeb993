package channel

import (
	"context"
	"encoding/json"
	"net"
	"sync"
	"sync/atomic"

	"vz.internal/vzcontract"
)

// A link is the part of a [Client] that knows no types.
type link struct {
	conn net.Conn
	out  *outbox
	last atomic.Uint64  // the last id
	work sync.WaitGroup // the two goroutines

	hello  chan struct{} // closed when window is set
	window *window
	done   chan struct{} // closed when err is set

	mu    sync.Mutex
	calls map[uint64]*call // guarded by mu; nil after the end
	err   error            // guarded by mu: why the connection ended
}

// A call is a request from when it has its slots until it is answered, though nobody
// may wait for the answer any more.
type call struct {
	cost   int
	sent   bool         // guarded by link.mu
	answer chan message // capacity 1
}

func newLink(conn net.Conn) *link {
	l := &link{conn: conn, out: newOutbox(), hello: make(chan struct{}), done: make(chan struct{}), calls: map[uint64]*call{}}
	l.work.Go(func() { _ = l.end(l.read()) })
	l.work.Go(func() {
		if err := l.out.send(conn, l.done, l.leaves); err != nil {
			_ = l.end(err)
		}
	})
	return l
}

func (l *link) call(ctx context.Context, request any) (json.RawMessage, error) {
	id := l.last.Add(1)
	frame, size, err := valueFrame(kindRequest, id, "body", request)
	if err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "call: %w", err)
	}
	select {
	case <-l.hello:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.done:
		return nil, l.lost()
	}
	c := &call{cost: slots(size, l.window.size), answer: make(chan message, 1)}
	if !l.window.take(ctx, l.done, c.cost) || !l.register(id, c) {
		return nil, l.lostOr(ctx)
	}
	l.out.put(letter{id, frame})
	select {
	case m := <-c.answer:
		return result(m)
	case <-ctx.Done():
		l.abandon(id, c)
		return nil, ctx.Err()
	case <-l.done:
	}
	select {
	case m := <-c.answer: // it came just before the end
		return result(m)
	default:
		return nil, l.lost()
	}
}

func result(m message) (json.RawMessage, error) {
	if m.Error != nil {
		return nil, m.Error
	}
	return m.Body, nil
}

func (l *link) register(id uint64, c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == nil {
		return false
	}
	l.calls[id] = c
	return true
}

// abandon takes a call back if it was not sent, and cancels it otherwise.
func (l *link) abandon(id uint64, c *call) {
	if !l.out.remove(id) {
		l.out.put(letter{id, cancelFrame(id)})
		return
	}
	l.mu.Lock()
	delete(l.calls, id)
	l.mu.Unlock()
	l.window.give(c.cost)
}
