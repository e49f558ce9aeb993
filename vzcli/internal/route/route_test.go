package route

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzcontract/fake"
)

// A side is a backend of the fake's that says it has another isolation.
type side struct {
	*fake.Backend
	name      string
	isolation vzcontract.Isolation
}

func (s side) BackendName() string             { return s.name }
func (s side) Isolation() vzcontract.Isolation { return s.isolation }

// Capabilities implements vzcontract.Identity. Two fakes have no networks in common, so
// all are the first one's.
func (s side) Capabilities() vzcontract.Capabilities {
	c := s.Backend.Capabilities()
	if s.isolation == vzcontract.IsolationFull {
		c.Missing = maps.Clone(c.Missing)
		if c.Missing == nil {
			c.Missing = map[vzcontract.Feature]string{}
		}
		c.Missing[vzcontract.FeatureNetworks] = "they are the first one's"
	}
	return c
}

// Find implements Side.
func (s side) Find(ctx context.Context, ref string) (id string, exact bool, err error) {
	info, err := s.Inspect(ctx, ref)
	return info.ID, err == nil && (info.ID == ref || info.Name == ref), err
}

// Create implements vzcontract.Containers.
func (s side) Create(ctx context.Context, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	if err := cfg.CheckIsolation(s.isolation); err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	cfg.Isolation = ""
	info, err := s.Backend.Create(ctx, cfg)
	info.Backend = s.name
	return info, err
}

func open(t *testing.T, name string, isolation vzcontract.Isolation) side {
	t.Helper()
	b, err := fake.Open(t.TempDir())
	require.NoError(t, err)
	return side{b, name, isolation}
}

func two(t *testing.T) *Backend {
	return New(open(t, "first", vzcontract.IsolationContainer), open(t, "second", vzcontract.IsolationFull))
}

// TestConformance has a backend of two do what each does.
func TestConformance(t *testing.T) {
	conformance.TestBackend(t, conformance.Config{
		New: func(t *testing.T) vzcontract.RuntimeBackend {
			return New(open(t, "fake", vzcontract.IsolationContainer), open(t, "fake", vzcontract.IsolationFull))
		},
		Image: fake.Builtin,
	})
}

func config(name string, isolation vzcontract.Isolation) vzcontract.RunConfig {
	return vzcontract.RunConfig{Name: name, Image: fake.Builtin, Args: []string{"sleep", "1000"}, Isolation: isolation}
}

func TestCreate(t *testing.T) {
	b, ctx := two(t), t.Context()
	for _, tt := range []struct {
		name      string
		isolation vzcontract.Isolation
		want      string
	}{
		{"a", "", "first"}, {"b", vzcontract.IsolationFull, "second"}, {"c", vzcontract.IsolationContainer, "first"},
	} {
		info, err := b.Create(ctx, config(tt.name, tt.isolation))
		require.NoError(t, err)
		require.Equal(t, tt.want, info.Backend, tt.name)
	}
	_, err := b.Create(ctx, config("d", vzcontract.IsolationNone))
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	for _, isolation := range []vzcontract.Isolation{"", vzcontract.IsolationFull} {
		for _, name := range []string{"a", "b"} {
			_, err := b.Create(ctx, config(name, isolation))
			require.ErrorIs(t, err, vzcontract.ErrConflict, "%s %s", name, isolation)
		}
	}
	require.ErrorIs(t, b.Rename(ctx, "a", "b"), vzcontract.ErrConflict)
	require.ErrorIs(t, b.Rename(ctx, "b", "a"), vzcontract.ErrConflict)
	require.NoError(t, b.Checkpoint(ctx, "a", "one", vzcontract.CheckpointFiles))
	_, err = b.Fork(ctx, "a", "one", "b")
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	require.NoError(t, b.Rename(ctx, "b", "free"))
	all, err := b.List(ctx)
	require.NoError(t, err)
	require.Len(t, all, 3)
	require.ElementsMatch(t, []vzcontract.Isolation{vzcontract.IsolationContainer, vzcontract.IsolationFull}, b.Isolations())
}

// TestFind finds containers of both by name, id and the beginning of an id, and none
// by a beginning that both have.
func TestFind(t *testing.T) {
	b, ctx := two(t), t.Context()
	ids := map[string]string{}
	for _, isolation := range b.Isolations() {
		name := string(isolation)
		info, err := b.Create(ctx, config(name, isolation))
		require.NoError(t, err)
		ids[name] = info.ID
		for _, ref := range []string{name, info.ID, info.ID[:20]} {
			got, err := b.Inspect(ctx, ref)
			require.NoError(t, err, ref)
			require.Equal(t, info.ID, got.ID, ref)
		}
	}
	_, err := b.Inspect(ctx, "nothing")
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	both := common(t, b)
	_, err = b.Inspect(ctx, both)
	require.ErrorIs(t, err, vzcontract.ErrValidation)
	// A name is no beginning of an id, whoever has one that begins so.
	require.NoError(t, b.Rename(ctx, ids["full"], both))
	got, err := b.Inspect(ctx, both)
	require.NoError(t, err)
	require.Equal(t, ids["full"], got.ID)
}

// common makes containers until two have the same first digit in both, and returns it.
func common(t *testing.T, b *Backend) string {
	t.Helper()
	for range 100 {
		first, err := b.first.List(t.Context())
		require.NoError(t, err)
		second, err := b.second.List(t.Context())
		require.NoError(t, err)
		for _, x := range first {
			for _, y := range second {
				if digit := x.ID[:1]; strings.HasPrefix(y.ID, digit) {
					return digit
				}
			}
		}
		for _, isolation := range b.Isolations() {
			_, err = b.Create(t.Context(), config("", isolation))
			require.NoError(t, err)
		}
	}
	t.Fatal("no digit in common")
	return ""
}

// TestEvents has what happened in both in its order, and each event once.
func TestEvents(t *testing.T) {
	b, since := two(t), time.Now()
	var want []string
	for _, isolation := range []vzcontract.Isolation{vzcontract.IsolationContainer, vzcontract.IsolationFull, vzcontract.IsolationContainer} {
		info, err := b.Create(t.Context(), config("", isolation))
		require.NoError(t, err)
		want = append(want, info.ID)
	}
	collect := func(opts vzcontract.EventOptions, enough int) []string {
		var got []string
		done := errors.New("enough")
		err := b.Events(t.Context(), opts, func(e vzcontract.Event) error {
			if e.Action == "create" {
				got = append(got, e.ID)
			}
			if enough > 0 && len(got) == enough {
				return done
			}
			return nil
		})
		if enough > 0 {
			require.ErrorIs(t, err, done)
		} else {
			require.NoError(t, err)
		}
		return got
	}
	require.Equal(t, want, collect(vzcontract.EventOptions{Since: since, Until: time.Now()}, 0))
	later := make(chan string, 1)
	go func() {
		info, _ := b.Create(context.WithoutCancel(t.Context()), config("", vzcontract.IsolationFull))
		later <- info.ID
	}()
	got := collect(vzcontract.EventOptions{Since: since}, len(want)+1)
	require.Equal(t, append(want, <-later), got)
}
