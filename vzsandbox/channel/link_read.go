package channel

import (
	"context"
	"net"

	"vz.internal/vzcontract"
)

// read hands answers to their calls until the connection ends.
func (l *link) read() error {
	frames := newFrameReader(l.conn)
	for {
		payload, err := frames.next()
		if err != nil {
			return err
		}
		m, err := parseMessage(payload)
		if err != nil {
			return err
		}
		switch {
		case l.window == nil && m.Kind == kindHello:
			l.window = newWindow(min(m.Window, maxWindow))
			close(l.hello)
		case l.window != nil && m.Kind == kindAnswer:
			if err := l.answered(m); err != nil {
				return err
			}
		default:
			return violation("a %s of the serving side is out of place", m.Kind)
		}
	}
}

func (l *link) answered(m message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.calls[m.ID]
	if c == nil || !c.sent {
		return violation("an answer to %d, which was not asked", m.ID)
	}
	delete(l.calls, m.ID)
	l.window.give(c.cost)
	c.answer <- m
	return nil
}

// leaves marks a call that is being sent: from now on it may be answered.
func (l *link) leaves(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.calls[id]; c != nil {
		c.sent = true
	}
}

// end closes the connection because of err, which the first to come sets.
func (l *link) end(err error) error {
	l.mu.Lock()
	first := l.err == nil
	if first {
		l.err, l.calls = err, nil
		close(l.done)
	}
	l.mu.Unlock()
	if !first {
		return nil
	}
	return l.conn.Close()
}

func (l *link) close() error {
	err := l.end(net.ErrClosed)
	l.work.Wait()
	return err
}

// lost is the error of calls after the end.
func (l *link) lost() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return vzcontract.Errorf(vzcontract.ErrUnavailable, "call: %w", broken(l.err))
}

// lostOr is ctx's error unless it has none.
func (l *link) lostOr(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.lost()
}
