package vzstack

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
)

// rebooted is a backend whose host went down while containers ran: nobody asked
// for their ends, and nobody saw them.
type rebooted struct {
	*fake.Backend
	lost map[string]bool // names
}

// List implements vzcontract.Containers.
func (r rebooted) List(ctx context.Context) ([]vzcontract.ContainerInfo, error) {
	all, err := r.Backend.List(ctx)
	for i := range all {
		if c := &all[i]; r.lost[c.Name] && c.State == vzcontract.StateStopped {
			c.StopAsked, c.Exit = false, &vzcontract.ExitStatus{Code: 255, Unknown: true}
		}
	}
	return all, err
}

func TestResume(t *testing.T) {
	b := newBench(t)
	b.up(`
services:
  web: {`+daemon+`, restart: always, depends_on: {db: {condition: service_healthy}}, post_start: [{command: touch /tmp/hooked}]}
  db: {`+daemon+`, restart: unless-stopped, container_name: the-db, healthcheck: {test: "true", interval: 10ms}}
  many: {`+daemon+`, restart: always, scale: 2}
  plain: {`+daemon+`}
  halted: {`+daemon+`, restart: always}
  job: {image: busybox, command: "true"}
`, UpOptions{})
	lost := map[string]bool{"shop-web-1": true, "the-db": true, "shop-many-1": true, "shop-plain-1": true}
	for name := range lost {
		require.NoError(t, b.backend.Kill(t.Context(), name, "KILL"))
		_, err := b.backend.Wait(t.Context(), name, vzcontract.WaitNotRunning)
		require.NoError(t, err)
	}
	require.NoError(t, b.Stop(t.Context(), "shop", []string{"halted"}, StopOptions{}))
	b.said()
	b.cfg.Backend = rebooted{b.backend, lost}
	require.NoError(t, b.Resume(t.Context()))
	said := b.said()
	before(t, said, "Healthy the-db", "Starting shop-web-1")
	require.NotContains(t, said, "Starting shop-job-1")
	require.NotContains(t, said, "Starting shop-many-2")
	require.Equal(t, map[string]vzcontract.State{
		"shop-web-1": "running", "the-db": "running", "shop-many-1": "running", "shop-many-2": "running", "shop-job-1": "stopped",
		"shop-plain-1": "running", "shop-halted-1": "stopped",
	}, b.names())
	_, err := b.backend.StatPath(t.Context(), "shop-web-1", "/tmp/hooked")
	require.NoError(t, err)

	require.NoError(t, b.Stop(t.Context(), "shop", nil, StopOptions{}))
	require.NoError(t, b.Resume(t.Context()))
	require.Equal(t, vzcontract.StateStopped, b.names()["shop-web-1"], "a project that was stopped stays so")
}
