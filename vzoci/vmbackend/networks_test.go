//go:build linux || darwin

package vmbackend_test

import (
	"errors"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
)

// TestOwnNetwork has a backend whose host has no networks to join: what needs one is
// refused with the reason.
func TestOwnNetwork(t *testing.T) {
	b := open(t)
	if b.Capabilities().Missing[vzcontract.FeatureNetworks] == "" {
		t.Error("networks are there")
	}
	for _, cfg := range []vzcontract.RunConfig{
		{NetworkMode: "net"},
		{Networks: []vzcontract.NetworkAttach{{Network: "net"}}},
		{NetworkMode: "host"},
		{NetworkMode: "container:a"},
		{Isolation: vzcontract.IsolationContainer},
		{Egress: &vzcontract.EgressPolicy{}},
		{NetworkMode: "bridge", Egress: &vzcontract.EgressPolicy{Allow: []string{"example.com"}}},
	} {
		cfg.Image, cfg.Args = fake.Builtin, []string{"true"}
		_, err := b.Create(t.Context(), cfg)
		if !errors.Is(err, vzcontract.ErrUnsupported) {
			t.Errorf("create %+v: %v", cfg, err)
		}
	}
	_, err := b.CreateNetwork(t.Context(), vzcontract.NetworkConfig{Name: "net"})
	if !errors.Is(err, vzcontract.ErrUnsupported) {
		t.Errorf("create a network: %v", err)
	}
}
