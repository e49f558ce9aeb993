package vzcontract

import (
	"slices"
	"testing"
)

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
