package vzstack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// A cutBackend fails every operation after the first few, as if the process
// had been killed: what was done stays, nothing is cleaned up.
type cutBackend struct {
	vzcontract.RuntimeBackend
	vzcontract.Networks
	vzcontract.Volumes
	vzcontract.Renamer
	vzcontract.EventSource

	mu   sync.Mutex
	left int // guarded by mu
}

var errCut = fmt.Errorf("killed")

func (c *cutBackend) spend() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left < 0 {
		return errCut
	}
	return nil
}

func (c *cutBackend) Create(ctx context.Context, cfg vzcontract.RunConfig) (info vzcontract.ContainerInfo, err error) {
	if err := c.spend(); err != nil {
		return info, err
	}
	return c.RuntimeBackend.Create(ctx, cfg)
}

func (c *cutBackend) Start(ctx context.Context, name string, o vzcontract.StartOptions) (vzcontract.Attachment, error) {
	if err := c.spend(); err != nil {
		return nil, err
	}
	return c.RuntimeBackend.Start(ctx, name, o)
}

func (c *cutBackend) Stop(ctx context.Context, name string, o vzcontract.StopOptions) error {
	if err := c.spend(); err != nil {
		return err
	}
	return c.RuntimeBackend.Stop(ctx, name, o)
}

func (c *cutBackend) Remove(ctx context.Context, name string, o vzcontract.RemoveOptions) error {
	if err := c.spend(); err != nil {
		return err
	}
	return c.RuntimeBackend.Remove(ctx, name, o)
}

func (c *cutBackend) Rename(ctx context.Context, name, to string) error {
	if err := c.spend(); err != nil {
		return err
	}
	return c.Renamer.Rename(ctx, name, to)
}

func (c *cutBackend) CreateNetwork(ctx context.Context, cfg vzcontract.NetworkConfig) (info vzcontract.NetworkInfo, err error) {
	if err := c.spend(); err != nil {
		return info, err
	}
	return c.Networks.CreateNetwork(ctx, cfg)
}

func (c *cutBackend) RemoveNetwork(ctx context.Context, name string) error {
	if err := c.spend(); err != nil {
		return err
	}
	return c.Networks.RemoveNetwork(ctx, name)
}

// cutAfter returns a stack on the same backend that dies after n operations.
func (b *bench) cutAfter(n int) *Stack {
	cut := &cutBackend{RuntimeBackend: b.backend, Networks: b.backend, Volumes: b.backend, Renamer: b.backend, EventSource: b.backend, left: n}
	cfg := b.Stack.cfg
	cfg.Backend = cut
	return New(cfg)
}

// TestConvergesFromAnyPoint cuts a first up, and an up that makes all anew,
// after each number of operations, and then lets a whole one follow.
func TestConvergesFromAnyPoint(t *testing.T) {
	text := func(v int) string {
		return fmt.Sprintf(`
services:
  web: {%[1]s, depends_on: [db], environment: {V: "%[2]d"}}
  side: {%[1]s, network_mode: "service:db"}
  db: {%[1]s, environment: {V: "%[2]d"}, volumes: [/kept]}
networks: {default: {labels: {v: "%[2]d"}}}
`, daemon, v)
	}
	want := map[string]vzcontract.State{"shop-web-1": "running", "shop-side-1": "running", "shop-db-1": "running"}
	for n := 0; ; n++ {
		b := newBench(t)
		_, first := b.cutAfter(n).Up(t.Context(), b.load(text(1)), UpOptions{})
		b.up(text(1), UpOptions{})
		require.Equal(t, want, b.names(), "after %d operations of a first up", n)
		volume := b.inspect("shop-db-1").Mounts[0].Name
		_, second := b.cutAfter(n).Up(t.Context(), b.load(text(2)), UpOptions{})
		b.up(text(2), UpOptions{})
		require.Equal(t, want, b.names(), "after %d operations of an up that changes all", n)
		for name := range want {
			info := b.inspect(name)
			if name != "shop-side-1" {
				require.Contains(t, info.Env, "V=2", "%s after %d", name, n)
			}
		}
		if second != nil && n < 2 {
			require.Equal(t, volume, b.inspect("shop-db-1").Mounts[0].Name, "nothing was cut before the volume was taken over")
		}
		require.True(t, b.up(text(2), UpOptions{}).Plan.Empty())
		_, err := b.Down(t.Context(), "shop", nil, DownOptions{})
		require.NoError(t, err)
		require.Empty(t, b.names())
		if first == nil && second == nil {
			require.Greater(t, n, 6)
			return
		}
	}
}

func TestInterruptedUpGoesOn(t *testing.T) {
	b := newBench(t)
	text := `
services:
  web: {` + daemon + `, depends_on: {db: {condition: service_healthy}}}
  db: {` + daemon + `, healthcheck: {test: test -e /tmp/ready, interval: 10ms}}
`
	ctx, cancel := context.WithCancelCause(t.Context())
	waiting := make(chan struct{})
	var once sync.Once
	b.Stack.cfg.Progress = func(p Progress) {
		if p.Action == "Waiting" {
			once.Do(func() { close(waiting) })
		}
	}
	go func() {
		<-waiting
		cancel(fmt.Errorf("interrupted"))
	}()
	_, err := b.Up(ctx, b.load(text), UpOptions{})
	require.ErrorContains(t, err, "interrupted")
	require.Equal(t, vzcontract.StateRunning, b.names()["shop-db-1"])
	require.NotEqual(t, vzcontract.StateRunning, b.names()["shop-web-1"])
	record, err := b.Record("shop")
	require.NoError(t, err)
	require.True(t, record.Changing, "the record tells that it was interrupted")

	session, err := b.backend.Exec(t.Context(), "shop-db-1", vzcontract.ExecConfig{Args: []string{"touch", "/tmp/ready"}})
	require.NoError(t, err)
	_, err = session.Wait(t.Context())
	require.NoError(t, err)
	b.up(text, UpOptions{})
	require.Equal(t, vzcontract.StateRunning, b.names()["shop-web-1"])
	record, err = b.Record("shop")
	require.NoError(t, err)
	require.False(t, record.Changing)
}

func TestTwoUpsAtOnce(t *testing.T) {
	b := newBench(t)
	text := `
services:
  web: {` + daemon + `, depends_on: [db], deploy: {replicas: 3}}
  db: {` + daemon + `}
`
	p := b.load(text)
	unlock, err := b.lock(t.Context(), "shop")
	require.NoError(t, err)
	waits := make(chan string, 6)
	cfg := b.Stack.cfg
	cfg.Warn = func(text string) { waits <- text }
	var group sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		group.Go(func() {
			_, errs[i] = New(cfg).Up(t.Context(), p, UpOptions{})
		})
	}
	for range errs {
		require.Equal(t, "project shop is being changed by another vz stack: waiting for it", <-waits)
	}
	unlock()
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Len(t, b.names(), 4)
	created := 0
	for _, line := range b.said() {
		if strings.HasPrefix(line, "Created shop-") {
			created++
		}
	}
	require.Equal(t, 4, created, "nothing was made twice")
}

func TestLockIsGivenUpWithTheContext(t *testing.T) {
	b := newBench(t)
	unlock, err := b.lock(t.Context(), "shop")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = b.lock(ctx, "shop")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	unlock()
	unlock, err = b.lock(t.Context(), "shop")
	require.NoError(t, err)
	require.NoError(t, b.forget("shop"))
	unlock()
	unlock, err = b.lock(t.Context(), "shop")
	require.NoError(t, err, "also after the directory was removed")
	unlock()
}

func TestManyServicesAndAHealthChain(t *testing.T) {
	b := newBench(t)
	var text strings.Builder
	text.WriteString("services:\n")
	for i := range 100 {
		fmt.Fprintf(&text, "  s%d: {%s", i, daemon)
		if i < 10 {
			text.WriteString(`, healthcheck: {test: "true", interval: 10ms}`)
		}
		if i > 0 && i < 10 {
			fmt.Fprintf(&text, `, depends_on: {s%d: {condition: service_healthy}}`, i-1)
		}
		text.WriteString("}\n")
	}
	b.up(text.String(), UpOptions{})
	require.Len(t, b.names(), 100)
	said := b.said()
	for i := 1; i < 10; i++ {
		before(t, said, fmt.Sprintf("Healthy shop-s%d-1", i-1), fmt.Sprintf("Starting shop-s%d-1", i))
	}
	require.True(t, b.up(text.String(), UpOptions{}).Plan.Empty())
	_, err := b.Down(t.Context(), "shop", nil, DownOptions{})
	require.NoError(t, err)
	said = b.said()
	for i := 1; i < 10; i++ {
		before(t, said, fmt.Sprintf("Stopped shop-s%d-1", i), fmt.Sprintf("Stopping shop-s%d-1", i-1))
	}
	require.Empty(t, b.names())
}

func TestFilesOfSecretsAndConfigs(t *testing.T) {
	b := newBench(t)
	b.write("plain.txt", "as it is")
	text := `
services:
  a:
    ` + strings.ReplaceAll(daemon, ", ", "\n    ") + `
    secrets: [{source: env, mode: 0400}, plain]
    configs: [{source: inline, target: /etc/inline}]
secrets: {env: {environment: HOME}, plain: {file: plain.txt}}
configs: {inline: {content: "one"}}
`
	b.up(text, UpOptions{})
	read := func(path string) string {
		t.Helper()
		var out strings.Builder
		session, err := b.backend.Exec(t.Context(), "shop-a-1", vzcontract.ExecConfig{Args: []string{"cat", path}, Stdio: vzcontract.Stdio{Out: &out}})
		require.NoError(t, err)
		_, err = session.Wait(t.Context())
		require.NoError(t, err)
		return out.String()
	}
	require.Equal(t, "/home/me", read("/run/secrets/env"))
	require.Equal(t, "as it is", read("/run/secrets/plain"))
	require.Equal(t, "one", read("/etc/inline"))
	for _, m := range b.inspect("shop-a-1").Mounts {
		require.True(t, m.ReadOnly)
	}
	old := b.inspect("shop-a-1").ID
	b.up(strings.Replace(text, `"one"`, `"two"`, 1), UpOptions{})
	require.NotEqual(t, old, b.inspect("shop-a-1").ID, "another content is another configuration")
	require.Equal(t, "two", read("/etc/inline"))
	left, err := os.ReadDir(filepath.Join(b.Stack.dir("shop"), "files"))
	require.NoError(t, err)
	require.Len(t, left, 2, "the file of the old content is gone")
}

func TestPortConflictIsNamed(t *testing.T) {
	b := newBench(t)
	_, err := b.backend.Create(t.Context(), vzcontract.RunConfig{
		Name: "stranger", Image: "busybox", Args: []string{"sleep", "1000"}, Ports: []vzcontract.PortMapping{{HostPort: 8080, ContainerPort: 80, Protocol: "tcp"}},
	})
	require.NoError(t, err)
	_, err = b.backend.Start(t.Context(), "stranger", vzcontract.StartOptions{})
	require.NoError(t, err)
	text := `services: {web: {` + daemon + `, ports: ["8080:80"]}, after: {` + daemon + `, depends_on: [web]}}`
	err = b.upFails(text, UpOptions{})
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	require.ErrorContains(t, err, "service web: ")
	require.ErrorContains(t, err, "8080")
	require.Equal(t, vzcontract.StateCreated, b.names()["shop-web-1"], "it stays, as with docker compose")
	require.NotEqual(t, vzcontract.StateRunning, b.names()["shop-after-1"])
	require.NoError(t, b.backend.Remove(t.Context(), "stranger", vzcontract.RemoveOptions{Force: true}))
	b.up(text, UpOptions{})
	require.Equal(t, map[string]vzcontract.State{"shop-web-1": "running", "shop-after-1": "running"}, b.names())
}

func TestScaleAndNames(t *testing.T) {
	b := newBench(t)
	text := `services: {web: {` + daemon + `, scale: 2, ports: ["8000-8009:80"]}}`
	b.up(text, UpOptions{})
	require.Len(t, b.names(), 2)
	b.up(text, UpOptions{Scale: map[string]int{"web": 4}})
	require.Len(t, b.names(), 4)
	first := b.inspect("shop-web-1").ID
	b.up(text, UpOptions{Scale: map[string]int{"web": 1}})
	require.Equal(t, map[string]vzcontract.State{"shop-web-1": "running"}, b.names())
	require.Equal(t, first, b.inspect("shop-web-1").ID)

	err := b.upFails(`services: {web: {`+daemon+`, container_name: only}}`, UpOptions{Scale: map[string]int{"web": 2}})
	require.ErrorIs(t, err, vzcontract.ErrValidation)
	err = b.upFails(text, UpOptions{Scale: map[string]int{"none": 2}})
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	err = b.upFails(`services: {web: {`+daemon+`, scale: 2, ports: ["8000:80"]}}`, UpOptions{})
	require.ErrorIs(t, err, vzcontract.ErrConflict)
}

func TestNoRecreateAndNoDeps(t *testing.T) {
	b := newBench(t)
	b.up(`services: {web: {`+daemon+`}}`, UpOptions{})
	old := b.inspect("shop-web-1").ID
	b.up(`services: {web: {`+daemon+`, user: app}}`, UpOptions{Recreate: plan.Never})
	require.Equal(t, old, b.inspect("shop-web-1").ID)
	b.up(`services: {web: {`+daemon+`, user: app}}`, UpOptions{NoStart: true})
	require.Equal(t, vzcontract.StateCreated, b.names()["shop-web-1"])
	b.up(`services: {web: {`+daemon+`, user: app}}`, UpOptions{Wait: true, WaitTimeout: time.Minute})
	require.Equal(t, vzcontract.StateRunning, b.names()["shop-web-1"])
}

func TestWaitTimesOut(t *testing.T) {
	b := newBench(t)
	err := b.upFails(`services: {web: {`+daemon+`, healthcheck: {test: exit 1, interval: 1h}}}`, UpOptions{Wait: true, WaitTimeout: 20 * time.Millisecond})
	require.ErrorIs(t, err, vzcontract.ErrTimeout)
}

func TestMissingImageStartsNothing(t *testing.T) {
	b := newBench(t)
	err := b.upFails(`services: {web: {`+daemon+`}, bad: {image: nowhere.test/none}}`, UpOptions{})
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	require.ErrorContains(t, err, "service bad: ")
	require.NotContains(t, b.said(), "Starting shop-web-1")
}
