package vzstack

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzstack/compose"
	"vz.internal/vzstack/plan"
)

// A bench is a Stack on a fresh backend, with what it said.
type bench struct {
	*Stack
	t       *testing.T
	backend *fake.Backend
	dir     string

	mu       sync.Mutex
	progress []string // guarded by mu
	warnings []string // guarded by mu
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, backend: fake.New(), dir: filepath.Join(t.TempDir(), "shop")}
	require.NoError(t, os.MkdirAll(b.dir, 0o700))
	t.Cleanup(func() { require.NoError(t, b.backend.Close()) })
	b.Stack = New(Config{
		Backend: b.backend, Images: b.backend, Home: t.TempDir(),
		Progress: func(p Progress) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.progress = append(b.progress, p.Action+" "+p.Name)
		},
		Warn: func(text string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.warnings = append(b.warnings, text)
		},
	})
	return b
}

// said returns the progress since the last call.
func (b *bench) said() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.progress
	b.progress = nil
	return all
}

func (b *bench) warned() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.warnings, "\n")
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	require.NoError(b.t, os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600))
}

func (b *bench) load(text string) *compose.Project {
	b.t.Helper()
	b.write("compose.yaml", text)
	p, err := compose.Load(b.t.Context(), compose.Source{Dir: b.dir, Env: []string{"HOME=/home/me"}})
	require.NoError(b.t, err)
	return p
}

func (b *bench) up(text string, opts UpOptions) *Result {
	b.t.Helper()
	result, err := b.Up(b.t.Context(), b.load(text), opts)
	require.NoError(b.t, err)
	return result
}

// upFails runs Up and returns why it failed.
func (b *bench) upFails(text string, opts UpOptions) error {
	b.t.Helper()
	_, err := b.Up(b.t.Context(), b.load(text), opts)
	require.Error(b.t, err)
	return err
}

// names lists the project's containers with their states.
func (b *bench) names() map[string]vzcontract.State {
	all, err := b.Containers(context.Background(), "shop")
	require.NoError(b.t, err)
	states := map[string]vzcontract.State{}
	for _, c := range all {
		states[c.Name] = c.State
	}
	return states
}

func (b *bench) inspect(name string) vzcontract.ContainerInfo {
	b.t.Helper()
	info, err := b.backend.Inspect(b.t.Context(), name)
	require.NoError(b.t, err)
	return info
}

// before requires that one line of progress comes before another.
func before(t *testing.T, said []string, first, second string) {
	t.Helper()
	index := func(line string) int {
		for i, l := range said {
			if l == line {
				return i
			}
		}
		t.Fatalf("%q was not said in %q", line, said)
		return -1
	}
	require.Less(t, index(first), index(second), "%q before %q in %q", first, second, said)
}

// daemon is a service's body that runs until it is stopped, at once.
const daemon = `image: busybox, init: true, command: sleep 1000`

func TestUpTwiceThenDown(t *testing.T) {
	b := newBench(t)
	text := `
services:
  web: {` + daemon + `, depends_on: [db], ports: ["8080:80"], volumes: ["data:/data"]}
  db: {` + daemon + `}
volumes: {data: {}}
`
	result := b.up(text, UpOptions{})
	require.Equal(t, map[string]vzcontract.State{"shop-web-1": "running", "shop-db-1": "running"}, b.names())
	require.Len(t, result.Containers, 2)
	said := b.said()
	before(t, said, "Created shop_default", "Creating shop-db-1")
	before(t, said, "Started shop-db-1", "Starting shop-web-1")
	require.Equal(t, "shop-web-1", b.inspect("shop-web-1").Name)
	require.Equal(t, []string{"web"}, b.inspect("shop-web-1").Networks[0].Aliases)

	ids := b.inspect("shop-web-1").ID
	result = b.up(text, UpOptions{})
	require.True(t, result.Plan.Empty(), "%s", result.Plan)
	require.Equal(t, []string{"Running shop-db-1", "Running shop-web-1"}, b.said(), "a second up does nothing")
	require.Equal(t, ids, b.inspect("shop-web-1").ID)

	_, err := b.Down(t.Context(), "shop", b.load(text), DownOptions{Volumes: true})
	require.NoError(t, err)
	before(t, b.said(), "Stopped shop-web-1", "Stopping shop-db-1")
	require.Empty(t, b.names())
	require.Empty(t, b.warned())
	require.NoDirExists(t, b.Stack.dir("shop"))
	_, err = b.backend.InspectNetwork(t.Context(), "shop_default")
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	_, err = b.backend.InspectVolume(t.Context(), "shop_data")
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
}

func TestChangedServiceIsMadeAnew(t *testing.T) {
	b := newBench(t)
	text := func(env string) string {
		return `
services:
  web: {` + daemon + `, depends_on: {db: {condition: service_started, restart: true}}}
  other: {` + daemon + `, depends_on: [db]}
  side: {` + daemon + `, network_mode: "service:db"}
  db: {` + daemon + `, environment: {A: ` + env + `}, volumes: [/anonymous]}
`
	}
	b.up(text("1"), UpOptions{})
	old := map[string]vzcontract.ContainerInfo{}
	for name := range b.names() {
		old[name] = b.inspect(name)
	}
	b.said()
	b.up(text("2"), UpOptions{})
	said := b.said()
	require.NotEqual(t, old["shop-db-1"].ID, b.inspect("shop-db-1").ID, "its environment changed")
	require.NotEqual(t, old["shop-side-1"].ID, b.inspect("shop-side-1").ID, "it uses the namespace of db")
	require.Equal(t, old["shop-other-1"], b.inspect("shop-other-1"), "depends_on alone does not restart")
	web := b.inspect("shop-web-1")
	require.Equal(t, old["shop-web-1"].ID, web.ID)
	require.True(t, web.StartedAt.After(old["shop-web-1"].StartedAt), "restart: true restarts")
	before(t, said, "Created shop-db-1", "Stopping shop-db-1")
	require.Equal(t, old["shop-db-1"].Mounts[0].Name, b.inspect("shop-db-1").Mounts[0].Name, "the anonymous volume stays")
	require.Len(t, b.names(), 4)

	result := b.up(text("2"), UpOptions{})
	require.True(t, result.Plan.Empty(), "%s", result.Plan)
	b.up(text("2"), UpOptions{Recreate: plan.Always})
	require.NotEqual(t, web.ID, b.inspect("shop-web-1").ID)
	require.Equal(t, old["shop-db-1"].Mounts[0].Name, b.inspect("shop-db-1").Mounts[0].Name, "also the second time")
	_, err := b.Down(t.Context(), "shop", nil, DownOptions{Volumes: true})
	require.NoError(t, err)
	volumes, err := b.backend.ListVolumes(t.Context())
	require.NoError(t, err)
	require.Empty(t, volumes)
}
