//go:build linux || darwin

package vmbackend_test

import (
	"context"
	"maps"
	"testing"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzoci/vmbackend"
)

// A lodging is a backend all of whose containers and networks are in one shared machine.
type lodging struct{ *vmbackend.Backend }

const lodgingName = "lodging"

// Create implements vzcontract.Containers.
func (l lodging) Create(ctx context.Context, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	cfg.SharedVM = lodgingName
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
