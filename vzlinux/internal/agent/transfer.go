package agent

import (
	"context"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// maxTransfers is how many may be under way or wait to be asked how they ended.
const maxTransfers = 1024

// transfers are the bulk streams under way. Each is asked for its outcome once.
type transfers struct {
	mu   sync.Mutex
	next uint64               // guarded by mu
	all  map[uint64]*transfer // guarded by mu
}

type transfer struct {
	done  chan struct{}
	bytes int64
	err   error
}

// start issues a token for a transfer. work has the stream, which is closed after
// it; without a stream gone is called instead.
func (t *transfers) start(streams *agentproto.Streams, work func(agentproto.Conn) (int64, error), gone func()) (agentproto.Transfer, error) {
	one := &transfer{done: make(chan struct{})}
	id, err := t.add(one)
	if err != nil {
		gone()
		return agentproto.Transfer{}, err
	}
	token, err := streams.Issue(func(c agentproto.Conn) {
		go func() {
			one.bytes, one.err = work(c)
			close(one.done)
			_ = c.CloseWrite()
			_ = c.Close()
		}()
	}, func() {
		gone()
		one.err = vzcontract.Errorf(vzcontract.ErrTimeout, "the transfer's stream was not opened in time")
		close(one.done)
	})
	if err != nil {
		gone()
		t.remove(id)
		return agentproto.Transfer{}, err
	}
	return agentproto.Transfer{ID: id, Token: token}, nil
}

// add makes room by dropping ended transfers that nobody asked for.
func (t *transfers) add(one *transfer) (uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) >= maxTransfers {
		for id, old := range t.all {
			select {
			case <-old.done:
				delete(t.all, id)
			default:
			}
		}
	}
	if len(t.all) >= maxTransfers {
		return 0, vzcontract.Errorf(vzcontract.ErrUnavailable, "%d transfers are under way, no more are allowed", maxTransfers)
	}
	if t.all == nil {
		t.all = map[uint64]*transfer{}
	}
	t.next++
	t.all[t.next] = one
	return t.next, nil
}

func (t *transfers) remove(id uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, id)
}

func (t *transfers) wait(ctx context.Context, id uint64) (agentproto.TransferStatus, error) {
	t.mu.Lock()
	one := t.all[id]
	t.mu.Unlock()
	if one == nil {
		return agentproto.TransferStatus{}, vzcontract.Errorf(vzcontract.ErrNotFound, "there is no transfer %d", id)
	}
	select {
	case <-one.done:
		t.remove(id)
		return agentproto.TransferStatus{Bytes: one.bytes}, one.err
	case <-ctx.Done():
		return agentproto.TransferStatus{}, ctx.Err()
	}
}
