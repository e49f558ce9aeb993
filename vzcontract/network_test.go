package vzcontract

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestConfiguredEndpoints(t *testing.T) {
	named := func(names ...string) (all []NetworkEndpoint) {
		for _, n := range names {
			all = append(all, NetworkEndpoint{Network: n})
		}
		return all
	}
	for _, tt := range []struct {
		mode string
		on   []NetworkAttach
		want []NetworkEndpoint
	}{
		{"host", nil, named("host")},
		{"none", nil, named("none")},
		{"container:x", nil, nil},
		{"bridge", nil, nil}, // disconnected
		{"a", []NetworkAttach{{Network: "a", IPv4: "10.0.0.9"}, {Network: "b"}}, named("a", "b")},
	} {
		if got := ConfiguredEndpoints(tt.mode, tt.on); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("ConfiguredEndpoints(%q, %v) = %v, want %v", tt.mode, tt.on, got, tt.want)
		}
	}
}

func TestNameNetworks(t *testing.T) {
	upper := func(ref string) (string, error) { return strings.ToUpper(ref), nil }
	given := []NetworkAttach{{Network: "a"}}
	c := RunConfig{NetworkMode: "m", Networks: given}
	if err := c.NameNetworks(upper); err != nil || c.NetworkMode != "M" || c.Networks[0].Network != "A" || given[0].Network != "a" {
		t.Errorf("NameNetworks: %v, %+v, given %+v", err, c, given)
	}
	for _, mode := range []string{"", "host", "container:x"} {
		c := RunConfig{NetworkMode: mode}
		if err := c.NameNetworks(upper); err != nil || c.NetworkMode != mode {
			t.Errorf("NameNetworks of mode %q: %v, %q", mode, err, c.NetworkMode)
		}
	}
}

func TestAttachments(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   RunConfig
		want []string
	}{
		{"default", RunConfig{}, []string{"bridge"}},
		{"none", RunConfig{NetworkMode: "none", Networks: []NetworkAttach{{Network: "a"}}}, nil},
		{"host", RunConfig{NetworkMode: "host"}, nil},
		{"of another", RunConfig{NetworkMode: "container:x"}, nil},
		{"mode and networks", RunConfig{NetworkMode: "b", Networks: []NetworkAttach{{Network: "a"}, {Network: "b"}}}, []string{"b", "a"}},
		{"networks alone", RunConfig{Networks: []NetworkAttach{{Network: "a"}, {Network: "b"}}}, []string{"a", "b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.in.MACAddress = "02:00:00:00:00:07"
			var got []string
			for i, at := range tt.in.Attachments() {
				got = append(got, at.Network)
				if (at.MACAddress != "") != (i == 0) {
					t.Errorf("network %s has MAC address %q", at.Network, at.MACAddress)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("attachments = %q, want %q", got, tt.want)
			}
		})
	}
}
