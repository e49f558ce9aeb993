package vzstack

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestWatcherHearsLateEvents: a container's start may be told after somebody
// waits for its verdict.
func TestWatcherHearsLateEvents(t *testing.T) {
	b := newBench(t)
	w := b.newWatcher(t.Context())
	defer w.close()
	event := func(action, health string) {
		require.NoError(t, w.see(vzcontract.Event{Type: "container", Action: action, ID: "x", Attributes: map[string]string{"health": health}}))
	}
	verdict := w.unhealthy("x")
	event("start", "")
	event("health_status", "healthy")
	require.False(t, closed(verdict))
	event("health_status", "unhealthy")
	event("health_status", "unhealthy")
	require.True(t, closed(verdict))
	event("start", "")
	require.False(t, closed(w.unhealthy("x")), "a new life")
	event("health_status: unhealthy", "")
	require.True(t, closed(w.unhealthy("x")), "as docker words it")

	changed := w.changed("x")
	event("die", "")
	require.True(t, closed(changed))
	require.False(t, closed(w.changed("x")))
	require.NoError(t, w.see(vzcontract.Event{Type: "network", Action: "start", ID: "x"}))
}
