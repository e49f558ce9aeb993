//go:build linux || darwin

package container_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/container"
	"vz.internal/vzlinux/internal/agent"
)

// TestConformance speaks with an agent whose containers are simulated: all that
// lies between the host and the guest's backend is real but for the machine.
func TestConformance(t *testing.T) {
	conformance.TestBackend(t, conformance.Config{
		New:   func(t *testing.T) vzcontract.RuntimeBackend { return remote(t, fake.New()) },
		Image: fake.Builtin,
		// Some checks move much through it, which takes its time with -race.
		Timeout: 5 * time.Minute,
	})
}

// connected closes what lies below a runtime with it.
type connected struct {
	*container.Runtime
	close func() error
}

// Close implements vzcontract.RuntimeBackend.
func (c *connected) Close() error { return c.close() }

// remote returns b as the host of its guest sees it.
func remote(t *testing.T, b vzcontract.RuntimeBackend) *connected {
	t.Helper()
	return remoteOf(t, &agent.Agent{Version: "test", Log: slog.New(slog.DiscardHandler), Containers: &agent.Containers{Backend: b}})
}

// remoteOf returns the containers of guest, which it serves.
func remoteOf(t *testing.T, guest *agent.Agent) *connected {
	t.Helper()
	dir, err := os.MkdirTemp("", "vz") // a socket's path must be short
	require.NoError(t, err)
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- guest.Serve(ctx, l) }()
	a, err := vzlinux.Connect(t.Context(), func(ctx context.Context, _ uint32) (agentproto.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, "unix", path)
		if err != nil {
			return nil, err
		}
		return c.(*net.UnixConn), nil
	})
	require.NoError(t, err)
	has, err := container.Ask(t.Context(), a)
	require.NoError(t, err)
	stop := sync.OnceValue(func() error {
		err := a.Close()
		cancel()
		<-ended
		return err
	})
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return &connected{Runtime: container.New(a, container.Options{Name: guest.Containers.Backend.BackendName(), Capabilities: has}), close: stop}
}
