package guest

import (
	"errors"
	"slices"
	"testing"

	"vz.internal/vzcontract"
)

func TestAttachments(t *testing.T) {
	r := Record{Config: vzcontract.RunConfig{NetworkMode: "a", Networks: []vzcontract.NetworkAttach{{Network: "b"}, {Network: "a", IPv4: "10.0.0.7"}}}}
	want := func(names ...string) {
		t.Helper()
		var have []string
		for _, at := range r.Attachments() {
			have = append(have, at.Network)
		}
		if !slices.Equal(have, names) {
			t.Errorf("attachments = %q, want %q", have, names)
		}
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	conflict := func(err error) {
		t.Helper()
		if !errors.Is(err, vzcontract.ErrConflict) {
			t.Errorf("error %v, want a conflict", err)
		}
	}
	want("a", "b")
	if at := r.Attachments()[0]; at.IPv4 != "10.0.0.7" {
		t.Errorf("the first is %+v", at)
	}
	conflict(r.Connect(vzcontract.NetworkAttach{Network: "b"}))
	do(r.Connect(vzcontract.NetworkAttach{Network: "c", IPv4: "10.0.1.7"}))
	want("a", "b", "c")
	do(r.Disconnect("a"))
	want("b", "c")
	conflict(r.Disconnect("a"))
	do(r.Disconnect("c"))
	do(r.Connect(vzcontract.NetworkAttach{Network: "a", IPv4: "10.0.0.8"}))
	want("b", "a")
	if at := r.Attachments()[1]; at.IPv4 != "10.0.0.8" {
		t.Errorf("the network that was left and joined is %+v, want what the last one asked for", at)
	}
	conflict(r.Connect(vzcontract.NetworkAttach{Network: "a"}))
	before := r
	do(before.Connect(vzcontract.NetworkAttach{Network: "d"}))
	want("b", "a") // a copy that was changed is another record
	do(r.Disconnect("a"))
	want("b")
}

func TestOfNetwork(t *testing.T) {
	for name, want := range map[string]bool{"net.ipv4.ip_forward": true, "net/ipv4/conf/eth0.1/x": true, "kernel.msgmax": false, "network": false} {
		if got := OfNetwork(name); got != want {
			t.Errorf("OfNetwork(%q) = %v", name, got)
		}
	}
}
