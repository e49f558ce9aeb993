package vzstack

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// A transcript collects lines and lets a test wait for one.
type transcript struct {
	mu    sync.Mutex
	lines []string
	news  chan struct{}
}

func newTranscript() *transcript { return &transcript{news: make(chan struct{}, 1)} }

func (tr *transcript) add(l Line) error {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.lines = append(tr.lines, l.Container.Name+": "+strings.TrimSuffix(string(l.Text), "\n"))
	select {
	case tr.news <- struct{}{}:
	default:
	}
	return nil
}

func (tr *transcript) text() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return strings.Join(tr.lines, "\n")
}

func (tr *transcript) until(t *testing.T, text string) {
	t.Helper()
	for !strings.Contains(tr.text(), text) {
		select {
		case <-tr.news:
		case <-t.Context().Done():
			t.Fatalf("%q did not come in %q", text, tr.text())
		}
	}
}

func TestLogsAreInTheOrderOfTime(t *testing.T) {
	b := newBench(t)
	text := `
services:
  a: {image: busybox, command: "sh -c 'echo a1; echo a2 >&2; printf a3'"}
  b: {image: busybox, command: echo b1, depends_on: {a: {condition: service_completed_successfully}}}
  c: {image: busybox, command: echo c1, depends_on: {b: {condition: service_completed_successfully}}}
`
	b.up(text, UpOptions{})
	_, _, err := b.Wait(t.Context(), "shop", []string{"c"})
	require.NoError(t, err)
	tr := newTranscript()
	require.NoError(t, b.Logs(t.Context(), "shop", LogsOptions{Tail: -1}, tr.add))
	require.Equal(t, "shop-a-1: a1\nshop-a-1: a2\nshop-a-1: a3\nshop-b-1: b1\nshop-c-1: c1", tr.text())
	tr = newTranscript()
	require.NoError(t, b.Logs(t.Context(), "shop", LogsOptions{Tail: 1, Services: []string{"a", "c"}}, tr.add))
	require.Equal(t, "shop-a-1: a3\nshop-c-1: c1", tr.text())
	failure := errors.New("pipe is closed")
	require.ErrorIs(t, b.Logs(t.Context(), "shop", LogsOptions{Tail: -1}, func(Line) error { return failure }), failure)
}

const chatty = `image: busybox, command: "sh -c 'trap \"exit 0\" TERM; echo started; while :; do sleep 0.05; done'"`

func TestFollowedLogsGoOnWithNewContainers(t *testing.T) {
	b := newBench(t)
	text := `services: {a: {` + chatty + `}, b: {` + daemon + `}}`
	b.up(text, UpOptions{})
	tr := newTranscript()
	done := make(chan error, 1)
	go func() { done <- b.Logs(t.Context(), "shop", LogsOptions{Tail: -1, Follow: true}, tr.add) }()
	tr.until(t, "shop-a-1: started")
	b.up(text, UpOptions{Scale: map[string]int{"a": 2}})
	tr.until(t, "shop-a-2: started")
	require.NoError(t, b.Stop(t.Context(), "shop", nil, StopOptions{}))
	require.NoError(t, <-done, "it ends with the last container")
}

func TestFollowerGoesThroughRestarts(t *testing.T) {
	b := newBench(t)
	b.up(`services: {a: {image: busybox, command: "sh -c 'echo life; exit 3'", restart: "on-failure:2"}}`, UpOptions{NoStart: true})
	tr := newTranscript()
	var code int
	f := b.Follow(t.Context(), tr.add, func(_ plan.Container, status vzcontract.ExitStatus) { code = status.Code })
	defer f.Close()
	f.AddNew("shop", func(plan.Container) bool { return true })
	p := b.load(`services: {a: {image: busybox, command: "sh -c 'echo life; exit 3'", restart: "on-failure:2"}}`)
	require.NoError(t, b.Start(t.Context(), p, StartOptions{}))
	tr.until(t, "life\nshop-a-1: life\nshop-a-1: life")
	require.NoError(t, f.Wait())
	require.Equal(t, 3, code)
	require.Equal(t, 3, strings.Count(tr.text(), "life"), "no line twice, none lost")
}

func TestEventsOfAProject(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := make(chan Event, 100)
	go func() {
		_ = b.Events(ctx, "shop", vzcontract.EventOptions{Since: time.Unix(1, 0)}, func(e Event) error {
			got <- e
			return nil
		})
	}()
	b.up(`services: {a: {`+daemon+`}}`, UpOptions{})
	for e := range got {
		require.Equal(t, "a", e.Service)
		require.NotContains(t, e.Attributes, plan.LabelProject)
		if e.Action == "start" {
			require.Contains(t, e.String(), "container start "+e.ID+" (image=busybox, name=shop-a-1)")
			return
		}
	}
}
