package vzstack

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func TestStartMakesNothing(t *testing.T) {
	b := newBench(t)
	text := `services: {web: {` + daemon + `, scale: 3, depends_on: {db: {condition: service_healthy}}}, db: {` + daemon + `, scale: 2, healthcheck: {test: "true", interval: 10ms}}}`
	b.up(text, UpOptions{})
	require.NoError(t, b.Stop(t.Context(), "shop", nil, StopOptions{}))
	for _, name := range []string{"shop-web-2", "shop-db-1"} {
		require.NoError(t, b.backend.Remove(t.Context(), name, vzcontract.RemoveOptions{}))
	}
	b.said()
	require.NoError(t, b.Start(t.Context(), b.load(text), StartOptions{Wait: true}))
	require.Equal(t, map[string]vzcontract.State{"shop-web-1": "running", "shop-web-3": "running", "shop-db-2": "running"}, b.names())
	before(t, b.said(), "Healthy shop-db-2", "Starting shop-web-1")
	b.up(text, UpOptions{})
	require.Len(t, b.names(), 5)
}

func TestRestartFollows(t *testing.T) {
	b := newBench(t)
	text := `
services:
  web: {` + daemon + `, depends_on: {db: {condition: service_started, restart: true}}}
  other: {` + daemon + `, depends_on: [db]}
  db: {` + daemon + `}
`
	b.up(text, UpOptions{})
	b.said()
	grace := time.Duration(0)
	require.NoError(t, b.Restart(t.Context(), b.load(text), RestartOptions{Services: []string{"db"}, Stop: StopOptions{Grace: &grace}}))
	said := b.said()
	before(t, said, "Stopped shop-web-1", "Stopping shop-db-1")
	before(t, said, "Started shop-db-1", "Starting shop-web-1")
	require.NotContains(t, said, "Stopping shop-other-1")
	require.NoError(t, b.Restart(t.Context(), b.load(text), RestartOptions{Services: []string{"db"}, NoDeps: true}))
	require.NotContains(t, b.said(), "Stopping shop-web-1")
	for name, state := range b.names() {
		require.Equal(t, vzcontract.StateRunning, state, name)
	}
}

func TestProjectNamesAreNoPaths(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"", "..", "../x", "a/b", "UPPER", "-x"} {
		_, err := b.Down(t.Context(), name, nil, DownOptions{})
		require.ErrorIs(t, err, vzcontract.ErrValidation, "%q", name)
		_, err = b.Record(name)
		require.ErrorIs(t, err, vzcontract.ErrValidation, "%q", name)
	}
}

func TestOneOff(t *testing.T) {
	b := newBench(t)
	text := `
services:
  tool: {image: busybox, command: echo hi, environment: {A: b}, ports: ["8080:80"], volumes: ["/x"], depends_on: {db: {condition: service_healthy}}, profiles: [tools]}
  db: {` + daemon + `, healthcheck: {test: "true", interval: 10ms}}
  unrelated: {` + daemon + `}
`
	entry := "sh -c"
	info, err := b.OneOff(t.Context(), b.load(text), "tool", OneOffOptions{Entrypoint: &entry, Args: []string{"exit 4"}, Env: []string{"C=d"}, User: "app", Labels: map[string]string{"l": "m"}})
	require.NoError(t, err)
	require.Equal(t, []string{"sh", "-c", "exit 4"}, info.Command)
	require.Empty(t, info.Config.Ports)
	require.Contains(t, info.Env, "A=b")
	require.Contains(t, info.Env, "C=d")
	require.Equal(t, "app", info.User)
	require.Equal(t, vzcontract.StateRunning, b.names()["shop-db-1"])
	require.NotContains(t, b.names(), "shop-unrelated-1")
	before(t, b.said(), "Waiting shop-db-1", "Healthy shop-db-1")
	_, err = b.backend.Start(t.Context(), info.ID, vzcontract.StartOptions{})
	require.NoError(t, err)
	status, err := b.backend.Wait(t.Context(), info.ID, vzcontract.WaitNotRunning)
	require.NoError(t, err)
	require.Equal(t, 4, status.Code)
	b.up(text, UpOptions{})
	require.Contains(t, b.names(), info.Name, "up leaves it alone")
	_, err = b.OneOff(t.Context(), b.load(text), "none", OneOffOptions{})
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
}
