package vzstack

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func TestResume(t *testing.T) {
	b := newBench(t)
	b.up(`
services:
  web: {`+daemon+`, restart: always, depends_on: {db: {condition: service_healthy}}, post_start: [{command: touch /tmp/hooked}]}
  db: {`+daemon+`, restart: unless-stopped, container_name: the-db, healthcheck: {test: "true", interval: 10ms}}
  many: {`+daemon+`, restart: always, scale: 2}
  job: {image: busybox, command: "true"}
`, UpOptions{})
	for _, name := range []string{"shop-web-1", "the-db", "shop-many-1"} {
		require.NoError(t, b.backend.Kill(t.Context(), name, "KILL"))
		_, err := b.backend.Wait(t.Context(), name, vzcontract.WaitNotRunning)
		require.NoError(t, err)
	}
	b.said()
	require.NoError(t, b.Resume(t.Context()))
	said := b.said()
	before(t, said, "Healthy the-db", "Starting shop-web-1")
	require.NotContains(t, said, "Starting shop-job-1")
	require.NotContains(t, said, "Starting shop-many-2")
	require.Equal(t, map[string]vzcontract.State{
		"shop-web-1": "running", "the-db": "running", "shop-many-1": "running", "shop-many-2": "running", "shop-job-1": "stopped",
	}, b.names())
	_, err := b.backend.StatPath(t.Context(), "shop-web-1", "/tmp/hooked")
	require.NoError(t, err)

	require.NoError(t, b.Stop(t.Context(), "shop", nil, StopOptions{}))
	require.NoError(t, b.Resume(t.Context()))
	require.Equal(t, vzcontract.StateStopped, b.names()["shop-web-1"], "a project that was stopped stays so")
}
