package vzlinux

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// A DialFunc opens a connection to a port of the guest.
type DialFunc func(ctx context.Context, port uint32) (agentproto.Conn, error)

// An Agent is the connection to the agent of one guest. Methods are safe for
// concurrent use. What it started without Detach ends with it.
type Agent struct {
	client *agentproto.Client
	dial   DialFunc
}

// The times between two tries to reach an agent that is not there yet.
const (
	firstRetry = 2 * time.Millisecond
	lastRetry  = 100 * time.Millisecond
)

// How long one try may take: a guest whose driver is just starting may lose a request
// and never answer it. A busy guest gets twice the time at each try.
const (
	firstTry = 2 * time.Second
	lastTry  = 30 * time.Second
)

// Connect reaches the agent through dial, trying until ctx ends: a guest that boots
// has no agent yet. An agent of another protocol revision is an error at once that
// matches agentproto.ErrRevision.
func Connect(ctx context.Context, dial DialFunc) (*Agent, error) { return connect(ctx, dial, nil) }

// A ListenFunc accepts connections of the guest to a port of the host.
type ListenFunc func(port uint32) (net.Listener, error)

// Await is Connect for a guest that may not have booted yet: its agent knocks at the port
// of the host that it serves in the guest, and is reached at once.
func Await(ctx context.Context, dial DialFunc, listen ListenFunc) (*Agent, error) {
	l, err := listen(agentproto.Port)
	if err != nil { // somebody else waits: it takes a little longer
		return Connect(ctx, dial)
	}
	defer l.Close()
	knock := make(chan struct{})
	go func() {
		// One counts: a guest cannot keep the host busy.
		if conn, err := l.Accept(); err == nil {
			close(knock)
			_ = conn.Close()
		}
	}()
	return connect(ctx, dial, knock)
}

func connect(ctx context.Context, dial DialFunc, knock <-chan struct{}) (*Agent, error) {
	hello := agentproto.Hello{MinRevision: agentproto.MinRevision, MaxRevision: agentproto.MaxRevision, Version: Version}
	limit := firstTry
	for wait := firstRetry; ; wait = min(wait*3/2, lastRetry) {
		client, err := try(ctx, dial, hello, limit)
		if err == nil {
			return &Agent{client: client, dial: dial}, nil
		}
		if errors.Is(err, context.DeadlineExceeded) {
			limit = min(2*limit, lastTry)
		}
		if errors.Is(err, agentproto.ErrRevision) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, vzcontract.Errorf(vzcontract.ErrTimeout, "reach the guest agent: %w", errors.Join(ctx.Err(), err))
		case <-knock:
			knock, wait = nil, firstRetry
		case <-time.After(wait):
		}
	}
}

// try tries once to reach the agent.
func try(ctx context.Context, dial DialFunc, hello agentproto.Hello, limit time.Duration) (*agentproto.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := dial(ctx, agentproto.Port)
	if err != nil {
		return nil, err
	}
	return agentproto.NewClient(ctx, conn, hello)
}

// Close ends the connection and all that it started.
func (a *Agent) Close() error { return a.client.Close() }

// Done is closed when the connection has ended.
func (a *Agent) Done() <-chan struct{} { return a.client.Done() }

// Hello returns what the agent said of itself.
func (a *Agent) Hello() agentproto.Hello { return a.client.Agent() }

// Call sends any request of agentproto.
func (a *Agent) Call(ctx context.Context, method string, in, out any) error {
	return a.client.Call(ctx, method, in, out)
}

type none struct{}

// Ping waits for one round trip.
func (a *Agent) Ping(ctx context.Context) error {
	return a.client.Call(ctx, agentproto.MethodPing, none{}, nil)
}

// Info describes the guest.
func (a *Agent) Info(ctx context.Context) (agentproto.SystemInfo, error) {
	var info agentproto.SystemInfo
	return info, a.client.Call(ctx, agentproto.MethodInfo, none{}, &info)
}

// Stats returns the guest's own figures.
func (a *Agent) Stats(ctx context.Context) (agentproto.Stats, error) {
	var stats agentproto.Stats
	return stats, a.client.Call(ctx, agentproto.MethodStats, none{}, &stats)
}

// Shutdown has the guest end. It returns when the agent has agreed, not when the
// guest has ended. That the connection ends in place of an answer is one too: the
// guest may be faster.
func (a *Agent) Shutdown(ctx context.Context) error {
	select {
	case <-a.Done():
		return a.Ping(ctx) // says why
	default:
	}
	err := a.client.Call(ctx, agentproto.MethodShutdown, agentproto.ShutdownRequest{}, nil)
	select {
	case <-a.Done():
		return ctx.Err()
	default:
		return err
	}
}

// Stream opens the stream of a token that a request was answered with.
func (a *Agent) Stream(ctx context.Context, token agentproto.Token) (agentproto.Conn, error) {
	conn, err := a.dial(ctx, agentproto.Port)
	if err != nil {
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	if err := agentproto.OpenStream(ctx, conn, token); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}
