package ipam

import (
	"net/netip"
	"testing"
)

func TestAddress(t *testing.T) {
	tests := []struct {
		name, subnet, within string
		taken                []string
		want                 string
	}{
		{name: "first", subnet: "10.1.0.0/24", want: "10.1.0.1"},
		{name: "gap", subnet: "10.1.0.0/24", taken: []string{"10.1.0.1", "10.1.0.3"}, want: "10.1.0.2"},
		{name: "range", subnet: "10.1.0.0/24", within: "10.1.0.128/25", want: "10.1.0.128"},
		{name: "no broadcast", subnet: "10.1.0.0/30", taken: []string{"10.1.0.1", "10.1.0.2"}},
		{name: "point to point", subnet: "10.1.0.0/31", want: "10.1.0.0"},
		{name: "one host", subnet: "10.1.0.7/32", want: "10.1.0.7"},
		{name: "IPv6", subnet: "fd00:1::/64", taken: []string{"fd00:1::1"}, want: "fd00:1::2"},
		{name: "end of the space", subnet: "255.255.255.252/30", taken: []string{"255.255.255.253"}, want: "255.255.255.254"},
		{name: "full at the end of the space", subnet: "255.255.255.254/31", taken: []string{"255.255.255.254", "255.255.255.255"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			subnet, within := netip.MustParsePrefix(tt.subnet), netip.MustParsePrefix(tt.subnet)
			if tt.within != "" {
				within = netip.MustParsePrefix(tt.within)
			}
			taken := map[string]bool{}
			for _, a := range tt.taken {
				taken[a] = true
			}
			got, ok := Address(subnet, within, func(a netip.Addr) bool { return taken[a.String()] })
			if ok != (tt.want != "") || ok && got.String() != tt.want {
				t.Errorf("Address = %v, %v, want %q", got, ok, tt.want)
			}
		})
	}
}

func TestSubnet(t *testing.T) {
	pools := []Pool{{netip.MustParsePrefix("10.88.0.0/22"), 24}, {netip.MustParsePrefix("255.255.255.0/24"), 25}}
	var got []string
	taken := map[netip.Prefix]bool{netip.MustParsePrefix("10.88.1.0/24"): true}
	for {
		p, ok := Subnet(pools, 5, func(p netip.Prefix) bool { return taken[p] })
		if !ok {
			break
		}
		taken[p] = true
		got = append(got, p.String())
	}
	want := []string{"10.88.2.0/24", "10.88.3.0/24", "10.88.0.0/24", "255.255.255.128/25", "255.255.255.0/25"}
	if len(got) != len(want) {
		t.Fatalf("subnets = %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("subnet %d = %s, want %s", i, got[i], want[i])
		}
	}
}

func TestDerived(t *testing.T) {
	if a, b := Interface("vz", "x", 0), Interface("vz", "x", 1); a == b || len(a) > 15 || a[:2] != "vz" {
		t.Errorf("Interface = %q, %q", a, b)
	}
	if m := MAC(netip.MustParseAddr("10.88.1.2")); m.String() != "02:42:0a:58:01:02" {
		t.Errorf("MAC = %s", m)
	}
	p := UniqueLocal("x", 0)
	if p.Bits() != 64 || !netip.MustParsePrefix("fd00::/8").Contains(p.Addr()) || p != p.Masked() || p == UniqueLocal("x", 1) {
		t.Errorf("UniqueLocal = %s", p)
	}
}
