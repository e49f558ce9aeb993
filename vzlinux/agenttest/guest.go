//go:build unix

// Package agenttest is a guest without a machine: the real agent, with containers of
// a backend of the test's, that does not touch the system that it runs on.
package agenttest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/internal/agent"
)

// A Guest is one run of a guest. Its methods are safe for concurrent use.
type Guest struct {
	listener *listener
	end      context.CancelFunc
	ended    chan struct{}

	mu     sync.Mutex
	thawed []agentproto.ThawRequest // guarded by mu
}

// Start starts a guest whose containers are b's. shutdown is called when the host
// asks the guest to end.
func Start(b vzcontract.RuntimeBackend, shutdown func()) *Guest {
	ctx, cancel := context.WithCancel(context.Background())
	g := &Guest{listener: &listener{conns: make(chan net.Conn), closed: make(chan struct{})}, end: cancel, ended: make(chan struct{})}
	nothing := func(context.Context, json.RawMessage) (any, error) { return struct{}{}, nil }
	a := &agent.Agent{
		Version: "test", Log: slog.New(slog.DiscardHandler), Containers: &agent.Containers{Backend: b},
		Capabilities: []string{agentproto.CapabilityInit, agentproto.CapabilityContainers},
		Shutdown: func(bool) error {
			go shutdown()
			return nil
		},
		Replace: map[string]agent.Method{
			agentproto.MethodClock: nothing, agentproto.MethodMount: nothing, agentproto.MethodUnmount: nothing,
			agentproto.MethodHold: nothing, agentproto.MethodRelease: nothing,
			agentproto.MethodFreeze: nothing, agentproto.MethodThaw: g.thaw, agentproto.MethodContainerWarm: nothing,
			agentproto.MethodNetworkUp: nothing, agentproto.MethodNetworkDown: nothing, agentproto.MethodImageProvide: nothing,
			agentproto.MethodNetworkFiles: nothing, agentproto.MethodNetworkCards: nothing,
		},
	}
	go func() {
		defer close(g.ended)
		_ = a.Serve(ctx, g.listener)
	}()
	return g
}

func (g *Guest) thaw(_ context.Context, body json.RawMessage) (any, error) {
	var req agentproto.ThawRequest
	if err := json.Unmarshal(body, &req); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.thawed = append(g.thawed, req)
	return struct{}{}, nil
}

// Thawed returns the requests to become another guest than the one that was saved.
func (g *Guest) Thawed() []agentproto.ThawRequest {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.thawed)
}

// Serve serves a connection of the host to the agent's port.
func (g *Guest) Serve(conn agentproto.Conn) {
	select {
	case g.listener.conns <- conn:
	case <-g.listener.closed:
		_ = conn.Close()
	}
}

// Stop ends the guest and its connections, as if its power was cut.
func (g *Guest) Stop() {
	g.end()
	<-g.ended
}

// A listener is handed its connections.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	first := errors.New("closed twice")
	l.once.Do(func() {
		close(l.closed)
		first = nil
	})
	return first
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: "agenttest", Net: "vsock"} }
