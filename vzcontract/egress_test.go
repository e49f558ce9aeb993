package vzcontract_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"vz.internal/vzcontract"
)

func TestParseEgressRule(t *testing.T) {
	prefix := netip.MustParsePrefix
	tests := []struct {
		in   string
		want vzcontract.EgressRule
		err  string
	}{
		{in: "example.com", want: vzcontract.EgressRule{Name: "example.com"}},
		{in: "Example.COM.", want: vzcontract.EgressRule{Name: "example.com"}},
		{in: "db", want: vzcontract.EgressRule{Name: "db"}},
		{in: "*.Example.com", want: vzcontract.EgressRule{Name: "example.com", Below: true}},
		{in: "*.example.com:443/tcp", want: vzcontract.EgressRule{Name: "example.com", Below: true, Port: 443, Protocol: "tcp"}},
		{in: "example.com:53", want: vzcontract.EgressRule{Name: "example.com", Port: 53}},
		{in: "192.0.2.1", want: vzcontract.EgressRule{Prefix: prefix("192.0.2.1/32")}},
		{in: "192.0.2.1:53/udp", want: vzcontract.EgressRule{Prefix: prefix("192.0.2.1/32"), Port: 53, Protocol: "udp"}},
		{in: "10.0.0.0/8:443/tcp", want: vzcontract.EgressRule{Prefix: prefix("10.0.0.0/8"), Port: 443, Protocol: "tcp"}},
		{in: "0.0.0.0/0", want: vzcontract.EgressRule{Prefix: prefix("0.0.0.0/0")}},
		{in: "2001:db8::/32", want: vzcontract.EgressRule{Prefix: prefix("2001:db8::/32")}},
		{in: "[2001:db8::1]", want: vzcontract.EgressRule{Prefix: prefix("2001:db8::1/128")}},
		{in: "[2001:db8::/32]:443", want: vzcontract.EgressRule{Prefix: prefix("2001:db8::/32"), Port: 443}},
		{in: "", err: "neither a host name"},
		{in: "*", err: "no limit"},
		{in: "*.", err: "neither a host name"},
		{in: "a.*.com", err: "neither a host name"},
		{in: "*example.com", err: "neither a host name"},
		{in: "bücher.example", err: "ASCII"},
		{in: "-a.example", err: "neither a host name"},
		{in: "1.2.3", err: "neither a host name"},
		{in: "192.0.2.256", err: "neither a host name"},
		{in: strings.Repeat("a", 64) + ".example", err: "neither a host name"},
		{in: "https://example.com", err: "is no port"},
		{in: "example.com/24", err: "neither an IP address"},
		{in: "example.com:", err: "the port is missing"},
		{in: "example.com:0", err: "is no port"},
		{in: "example.com:65536", err: "is no port"},
		{in: "example.com:80-81", err: "is no port"},
		{in: "example.com:80/sctp", err: "unknown protocol"},
		{in: "10.0.0.1/8", err: "want 10.0.0.0/8"},
		{in: "10.0.0.0/33", err: "neither an IP address"},
		{in: "2001:db8::1:zz", err: "neither an IP address"},
		{in: "fe80::1%eth0", err: "neither an IP address"},
		{in: "[192.0.2.1]:80", err: "want [ADDRESS]:PORT"},
		{in: "[2001:db8::1", err: "want [ADDRESS]:PORT"},
		{in: "[2001:db8::1]80", err: "want [ADDRESS]:PORT"},
		{in: "[2001:db8::1]:", err: "want [ADDRESS]:PORT"},
		{in: "::ffff:192.0.2.1", err: "by itself"},
		{in: "169.254.169.254", err: "always refused"},
		{in: "169.254.0.0/16:80", err: "always refused"},
		{in: "100.100.100.200", err: "always refused"},
		{in: "127.0.0.1:80", err: "always refused"},
		{in: "0.0.0.0", err: "always refused"},
		{in: "224.0.0.251", err: "always refused"},
		{in: "255.255.255.255", err: "always refused"},
		{in: "::1", err: "always refused"},
		{in: "fe80::1", err: "always refused"},
		{in: "ff02::1", err: "always refused"},
		{in: "fd00:ec2::254", err: "always refused"},
		{in: "64:ff9b::169.254.169.254", err: "always refused"},
		{in: "2002:a9fe:a9fe::1", err: "always refused"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := vzcontract.ParseEgressRule(tt.in)
			if tt.err != "" {
				if !errors.Is(err, vzcontract.ErrValidation) || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("ParseEgressRule(%q) error = %v, want a validation error with %q", tt.in, err, tt.err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Errorf("ParseEgressRule(%q) = %+v, %v, want %+v", tt.in, got, err, tt.want)
			}
		})
	}
}

// TestEgressModes: a policy needs a network namespace of the container's own.
func TestEgressModes(t *testing.T) {
	for mode, good := range map[string]bool{"": true, "bridge": true, "net": true, "none": true, "host": false, "container:x": false} {
		c := vzcontract.RunConfig{Image: "debian", NetworkMode: mode, Egress: &vzcontract.EgressPolicy{}}
		if err := c.Validate(); (err == nil) != good || err != nil && !errors.Is(err, vzcontract.ErrValidation) {
			t.Errorf("network %q with a policy: %v", mode, err)
		}
	}
	for name, c := range map[string]vzcontract.RunConfig{
		"entry":      {Egress: &vzcontract.EgressPolicy{Allow: []string{"example.com", "a b"}}},
		"entries":    {Egress: &vzcontract.EgressPolicy{Allow: make([]string, 1025)}},
		"link-local": {Egress: &vzcontract.EgressPolicy{}, Networks: []vzcontract.NetworkAttach{{Network: "net", LinkLocal: []string{"169.254.1.1"}}}},
	} {
		c.Image = "debian"
		if err := c.Validate(); !errors.Is(err, vzcontract.ErrValidation) {
			t.Errorf("%s: %v, want a validation error", name, err)
		}
	}
}

// TestEgressStored: a policy that allows nothing is not taken for none when it is
// read back.
func TestEgressStored(t *testing.T) {
	data, err := json.Marshal(vzcontract.RunConfig{Egress: &vzcontract.EgressPolicy{}})
	if err != nil {
		t.Fatal(err)
	}
	var back vzcontract.RunConfig
	if err := json.Unmarshal(data, &back); err != nil || back.Egress == nil {
		t.Errorf("%s is read as %+v, %v", data, back.Egress, err)
	}
}

func FuzzParseEgressRule(f *testing.F) {
	for _, s := range []string{"example.com:443/tcp", "*.a.b", "[2001:db8::/32]:1/udp", "10.0.0.0/8", "::", "[", ":"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := vzcontract.ParseEgressRule(s)
		if err != nil {
			if !errors.Is(err, vzcontract.ErrValidation) {
				t.Errorf("ParseEgressRule(%q) error %v is no validation error", s, err)
			}
			return
		}
		if (r.Name == "") != r.Prefix.IsValid() {
			t.Errorf("ParseEgressRule(%q) = %+v has not one of name and prefix", s, r)
		}
	})
}
