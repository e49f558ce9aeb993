package vmtest

import (
	"cmp"
	"context"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzoci/vmbackend"
)

// A lodging is a backend all of whose containers and networks are in one shared machine,
// unless they name another one.
type lodging struct{ *vmbackend.Backend }

const lodgingName = "lodging"

// Create implements vzcontract.Containers.
func (l lodging) Create(ctx context.Context, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	cfg.SharedVM = cmp.Or(cfg.SharedVM, lodgingName)
	return l.Backend.Create(ctx, cfg)
}

// CreateNetwork implements vzcontract.Networks.
func (l lodging) CreateNetwork(ctx context.Context, cfg vzcontract.NetworkConfig) (vzcontract.NetworkInfo, error) {
	cfg.SharedVM = cmp.Or(cfg.SharedVM, lodgingName)
	return l.Backend.CreateNetwork(ctx, cfg)
}

// Capabilities implements vzcontract.Identity: a shared machine has networks.
func (l lodging) Capabilities() vzcontract.Capabilities {
	c := l.Backend.Capabilities()
	c.Missing = maps.Clone(c.Missing)
	delete(c.Missing, vzcontract.FeatureNetworks)
	return c
}

const anotherMachine = "boots a machine with a user network in the test's process, which leaves goroutines behind; TestLodgingConformance boots and ends one"

// TestLodgingConformance runs the suite of all backends with every container in one
// shared machine, which is booted once. Each check has a backend of its own, as another
// process would.
func TestLodgingConformance(t *testing.T) {
	needContainers(t)
	needTime(t, 10*time.Minute)
	opts := containerOptions(t, "x86_64", time.Minute)
	first, err := vmbackend.Open(opts)
	require.NoError(t, err)
	require.NoError(t, first.BootSharedVM(t.Context(), lodgingName, vzcontract.Resources{}))
	phase := func(want vzcontract.SharedVMPhase) {
		t.Helper()
		got, err := first.SharedVMPhase(t.Context(), lodgingName)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	phase(vzcontract.PhaseReady)
	root := conformance.BusyboxRoot(t, busybox)
	conformance.TestBackend(t, conformance.Config{
		New: func(t *testing.T) vzcontract.RuntimeBackend {
			b, err := vmbackend.Open(opts)
			require.NoError(t, err)
			return lodging{b}
		},
		Rootfs:  func(*testing.T) string { return root },
		Timeout: 5 * time.Minute,
		Skip: map[string]string{
			"shared-vm": anotherMachine, "shared-vm-containers": anotherMachine,
			"limit-disk": "containers of a shared machine share its disk, and are told so",
		},
	})
	phase(vzcontract.PhaseReady)
	for range 2 {
		require.NoError(t, first.ShutdownSharedVM(t.Context(), lodgingName))
		phase(vzcontract.PhaseShutdown)
	}
}
