//go:build linux || darwin

package vmbackend_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzoci/vmbackend"
)

// sharedConfig is a container in the machine that runs args.
func sharedConfig(machine string, args ...string) vzcontract.RunConfig {
	return vzcontract.RunConfig{Image: fake.Builtin, Args: args, SharedVM: machine, NetworkMode: "none"}
}

func boot(t *testing.T, b *vmbackend.Backend, name string) {
	t.Helper()
	if err := b.BootSharedVM(t.Context(), name, vzcontract.Resources{}); err != nil {
		t.Fatal(err)
	}
}

func wantPhase(t *testing.T, b *vmbackend.Backend, name string, want vzcontract.SharedVMPhase) {
	t.Helper()
	if got, err := b.SharedVMPhase(t.Context(), name); err != nil || got != want {
		t.Errorf("phase of %s = %q, %v, want %q", name, got, err, want)
	}
}

// TestSharedShutdown keeps what still lives in a machine, and removes it with the last.
func TestSharedShutdown(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	boot(t, b, "m")
	info, err := b.Create(ctx, sharedConfig("m", "sh", "-c", "echo once >> /root/f; cat /root/f; sleep 100"))
	if err != nil {
		t.Fatal(err)
	}
	start := func() {
		t.Helper()
		if _, err := b.Start(ctx, info.ID, vzcontract.StartOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	start()
	if err := b.ShutdownSharedVM(ctx, "m"); err != nil {
		t.Fatal(err)
	}
	wantPhase(t, b, "m", vzcontract.PhaseShutdown)
	if got, err := b.Inspect(ctx, info.ID); err != nil || got.State != vzcontract.StateStopped || got.Exit == nil || got.Exit.Unknown {
		t.Errorf("after the shutdown it is %s, %+v, %v, want stopped in order", got.State, got.Exit, err)
	}
	start() // which boots the machine
	wantPhase(t, b, "m", vzcontract.PhaseReady)
	if err := b.Remove(ctx, info.ID, vzcontract.RemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if err := b.ShutdownSharedVM(ctx, "m"); err != nil {
		t.Fatal(err)
	}
	_, err = b.Create(ctx, sharedConfig("m", "true"))
	if !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("create in a machine that was shut down: %v, want not found", err)
	}
}

// TestSharedRemoveOffline removes a container and a network of a machine that does not
// run; its guest has neither when it runs again.
func TestSharedRemoveOffline(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	boot(t, b, "m")
	if _, err := b.CreateNetwork(ctx, vzcontract.NetworkConfig{Name: "net", SharedVM: "m"}); err != nil {
		t.Fatal(err)
	}
	first, err := b.Create(ctx, sharedConfig("m", "true"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.Create(ctx, sharedConfig("m", "true"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.ShutdownSharedVM(ctx, "m"); err != nil {
		t.Fatal(err)
	}
	if err := b.Remove(ctx, first.ID, vzcontract.RemoveOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := b.RemoveNetwork(ctx, "net"); err != nil {
		t.Fatal(err)
	}
	wantPhase(t, b, "m", vzcontract.PhaseShutdown)
	if _, err := b.Start(ctx, second.ID, vzcontract.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	cfg := sharedConfig("m", "true")
	cfg.NetworkMode = "net"
	if _, err := b.Create(ctx, cfg); !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("create on the removed network: %v, want not found", err)
	}
	cfg = sharedConfig("m", "true")
	cfg.Name = first.Name
	if _, err := b.Create(ctx, cfg); err != nil {
		t.Errorf("create with the removed container's name: %v", err)
	}
}

// TestSharedIdle ends a machine whose containers have ended, once nobody holds it.
func TestSharedIdle(t *testing.T) {
	b := open(t)
	boot(t, b, "m")
	info, err := b.Create(t.Context(), sharedConfig("m", "true"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Start(t.Context(), info.ID, vzcontract.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Wait(t.Context(), info.ID, ""); err != nil {
		t.Fatal(err)
	}
	wantPhase(t, b, "m", vzcontract.PhaseReady) // this process has booted it
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.Ended(t.Context(), "m"); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Inspect(t.Context(), info.ID); err != nil || got.State != vzcontract.StateStopped || got.Exit == nil || got.Exit.Code != 0 {
		t.Errorf("then it is %s, %+v, %v, want stopped with 0", got.State, got.Exit, err)
	}
	wantPhase(t, b, "m", vzcontract.PhaseShutdown)
}

// TestSharedRefuses has errors that say what is wrong.
func TestSharedRefuses(t *testing.T) {
	b := open(t)
	ctx := t.Context()
	for what, want := range map[string]error{"none": vzcontract.ErrNotFound, "a/b": vzcontract.ErrValidation} {
		if _, err := b.Create(ctx, sharedConfig(what, "true")); !errors.Is(err, want) {
			t.Errorf("create in machine %q: %v, want %v", what, err, want)
		}
	}
	if _, err := b.CreateNetwork(ctx, vzcontract.NetworkConfig{Name: "n", SharedVM: "none"}); !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("network in no machine: %v, want not found", err)
	}
	boot(t, b, "m")
	boot(t, b, "n")
	for what, change := range map[string]func(*vzcontract.RunConfig){
		"the host's network": func(c *vzcontract.RunConfig) { c.NetworkMode = "host" },
		"the host's pids":    func(c *vzcontract.RunConfig) { c.Namespaces.PID = "host" },
		"an egress policy":   func(c *vzcontract.RunConfig) { c.Egress = &vzcontract.EgressPolicy{} },
		"a device":           func(c *vzcontract.RunConfig) { c.Devices = []vzcontract.Device{{HostPath: "/dev/null"}} },
	} {
		cfg := sharedConfig("m", "true")
		change(&cfg)
		if _, err := b.Create(ctx, cfg); !errors.Is(err, vzcontract.ErrUnsupported) {
			t.Errorf("create with %s: %v, want unsupported", what, err)
		}
	}
	for _, machine := range []string{"m", "n"} {
		_, err := b.CreateNetwork(ctx, vzcontract.NetworkConfig{Name: "net", SharedVM: machine})
		if want := machine == "n"; errors.Is(err, vzcontract.ErrConflict) != want {
			t.Errorf("network in %s: %v, conflict wanted: %v", machine, err, want)
		}
	}
}

// A lodging is a backend all of whose containers and networks are in one shared machine.
type lodging struct{ *vmbackend.Backend }

const lodgingName = "lodging"

// Create implements vzcontract.Containers.
func (l lodging) Create(ctx context.Context, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	cfg.SharedVM = cmp.Or(cfg.SharedVM, lodgingName)
	return l.Backend.Create(ctx, cfg)
}

// CreateNetwork implements vzcontract.Networks.
func (l lodging) CreateNetwork(ctx context.Context, cfg vzcontract.NetworkConfig) (vzcontract.NetworkInfo, error) {
	cfg.SharedVM = lodgingName
	return l.Backend.CreateNetwork(ctx, cfg)
}

// Capabilities implements vzcontract.Identity.
func (l lodging) Capabilities() vzcontract.Capabilities {
	c := l.Backend.Capabilities()
	c.Missing = maps.Clone(c.Missing)
	delete(c.Missing, vzcontract.FeatureNetworks)
	return c
}

// TestSharedConformance runs the suite with all containers in one simulated machine.
func TestSharedConformance(t *testing.T) {
	conformance.TestBackend(t, conformance.Config{
		New: func(t *testing.T) vzcontract.RuntimeBackend {
			b := open(t)
			if err := b.BootSharedVM(t.Context(), lodgingName, vzcontract.Resources{}); err != nil {
				t.Fatal(err)
			}
			return lodging{b}
		},
		Image:   fake.Builtin,
		Timeout: 5 * time.Minute,
		Skip:    shared,
	})
}
