package vzstack

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
)

// A hotel is a backend whose containers may live in shared machines. It notes what was
// asked for, and takes no container or network of a machine that does not run.
type hotel struct {
	*fake.Backend

	mu     sync.Mutex
	asked  []string             // guarded by mu
	limits vzcontract.Resources // guarded by mu: of the last boot
}

func (h *hotel) Isolation() vzcontract.Isolation { return vzcontract.IsolationFull }

func (h *hotel) note(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, what)
}

func (h *hotel) BootSharedVM(ctx context.Context, name string, limits vzcontract.Resources) error {
	h.note("boot " + name)
	h.mu.Lock()
	h.limits = limits
	h.mu.Unlock()
	return h.Backend.BootSharedVM(ctx, name, limits)
}

func (h *hotel) ShutdownSharedVM(ctx context.Context, name string) error {
	h.note("shut down " + name)
	return h.Backend.ShutdownSharedVM(ctx, name)
}

func (h *hotel) lives(ctx context.Context, name string) error {
	if phase, err := h.SharedVMPhase(ctx, name); err != nil || phase != vzcontract.PhaseReady {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "machine %q is %s", name, phase)
	}
	return nil
}

func (h *hotel) Create(ctx context.Context, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	if err := h.lives(ctx, cfg.SharedVM); err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	h.note("create " + cfg.Name)
	return h.Backend.Create(ctx, cfg)
}

func (h *hotel) CreateNetwork(ctx context.Context, cfg vzcontract.NetworkConfig) (vzcontract.NetworkInfo, error) {
	if err := h.lives(ctx, cfg.SharedVM); err != nil {
		return vzcontract.NetworkInfo{}, err
	}
	return h.Backend.CreateNetwork(ctx, cfg)
}

const sharedProject = `name: shop
x-vz: {vm: shared}
services:
  web: {image: "vz:builtin", command: sleep 100, mem_limit: 100m, deploy: {replicas: 2}}
  db: {image: "vz:builtin", command: sleep 100}
`

func newHotel(t *testing.T) (*bench, *hotel) {
	b := newBench(t)
	h := &hotel{Backend: b.backend}
	b.Stack = New(Config{Backend: h, Images: h, Home: t.TempDir(), Progress: b.cfg.Progress, Warn: b.cfg.Warn})
	return b, h
}

// TestSharedMachine has a project in one machine from up to down.
func TestSharedMachine(t *testing.T) {
	b, h := newHotel(t)
	ctx := t.Context()
	b.up(sharedProject, UpOptions{})
	require.Equal(t, "boot shop", h.asked[0])
	require.Equal(t, int64(2*100<<20+256<<20), h.limits.Memory, "the sum of the limits")
	all, err := h.List(ctx)
	require.NoError(t, err)
	require.Len(t, all, 3)
	for _, c := range all {
		require.Equal(t, "shop", c.Config.SharedVM)
	}

	h.asked = nil
	b.up(sharedProject, UpOptions{})
	require.Empty(t, h.asked, "an up with nothing to do boots nothing")

	_, err = b.Down(ctx, "shop", nil, DownOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{"shut down shop"}, h.asked)
	phase, err := h.SharedVMPhase(ctx, "shop")
	require.NoError(t, err)
	require.Equal(t, vzcontract.PhaseShutdown, phase)
}

// TestSharedMachineOneOff runs a command of a project that is not up.
func TestSharedMachineOneOff(t *testing.T) {
	b, h := newHotel(t)
	info, err := b.OneOff(t.Context(), b.load(sharedProject), "db", OneOffOptions{Args: []string{"true"}, NoDeps: true})
	require.NoError(t, err)
	require.Equal(t, "shop", info.Config.SharedVM)
	require.True(t, slices.Contains(h.asked, "boot shop"))
}
