package agent

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"sync"

	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/internal/agent/process"
)

// maxConnections is how many of the host's connections are open at once.
const maxConnections = 8192

// Cards does the requests of agentproto with these names.
type Cards interface {
	NetworkFiles(in agentproto.NetworkFiles) error
	NetworkCards(ctx context.Context, in agentproto.NetworkCards) error
}

// An Agent serves one guest. Its fields may not change once Serve was called.
type Agent struct {
	Version      string // of the program
	Capabilities []string
	Log          *slog.Logger
	// Shutdown ends the guest; nil where that is not the agent's to do.
	Shutdown func(reboot bool) error
	// Containers are what it runs containers with; nil if it cannot.
	Containers *Containers
	// Cards makes of the guest's network what its container's is; nil if it cannot.
	Cards Cards
	// Replace has what is done for some requests in place of the agent's own.
	Replace map[string]Method

	streams   agentproto.Streams
	detached  process.Table
	transfers transfers

	mu       sync.Mutex
	sessions map[*session]struct{} // guarded by mu
}

// Serve accepts connections until l or ctx ends. A failed connection is logged and
// hurts nobody else.
func (a *Agent) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	var work sync.WaitGroup
	defer func() {
		cancel()
		stop()
		work.Wait()
		a.detached.End()
	}()
	slots := make(chan struct{}, maxConnections)
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return ctx.Err()
			}
			return err
		}
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			if err := a.connection(ctx, conn); err != nil {
				a.Log.Debug("connection ended", "peer", conn.RemoteAddr(), "error", err)
			}
		})
	}
}

// connection finds out what the host wants with conn. Streams go on without it.
func (a *Agent) connection(ctx context.Context, conn net.Conn) error {
	peer, ok := conn.(interface{ FromHost() bool })
	if ok && !peer.FromHost() {
		_ = conn.Close()
		return errors.New("the peer is not the host")
	}
	head, err := agentproto.ReadHead(ctx, conn)
	if err != nil {
		_ = conn.Close()
		return err
	}
	if agentproto.IsStream(head) {
		half, ok := conn.(agentproto.Conn)
		if !ok {
			_ = conn.Close()
			return errors.New("the transport has no half-close")
		}
		return a.streams.Claim(ctx, half)
	}
	if err := a.awaitEnds(ctx); err != nil {
		_ = conn.Close()
		return err
	}
	server, err := agentproto.Accept(ctx, conn, head, a.hello())
	if err != nil {
		_ = conn.Close()
		return err
	}
	s := newSession(a, conn)
	a.mu.Lock()
	if a.sessions == nil {
		a.sessions = map[*session]struct{}{}
	}
	a.sessions[s] = struct{}{}
	a.mu.Unlock()
	err = server.Run(ctx, s)
	s.processes.End()
	s.attachments.close()
	a.mu.Lock()
	delete(a.sessions, s)
	a.mu.Unlock()
	close(s.done)
	return err
}

// awaitEnds returns when all that earlier connections started has ended, as far as
// the host has closed them: only then does the work of a new one begin.
func (a *Agent) awaitEnds(ctx context.Context) error {
	a.mu.Lock()
	var ending []*session
	for s := range a.sessions {
		if s.hungUp() {
			ending = append(ending, s)
		}
	}
	a.mu.Unlock()
	for _, s := range ending {
		select {
		case <-s.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (a *Agent) hello() agentproto.Hello {
	return agentproto.Hello{
		MinRevision: agentproto.MinRevision, MaxRevision: agentproto.MaxRevision, Version: a.Version,
		OS: runtime.GOOS, Arch: runtime.GOARCH, Capabilities: a.Capabilities,
	}
}
