package runflags

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

// show writes mappings in one line: ip|host-end>container/protocol.
func show(ports []vzcontract.PortMapping) string {
	var all []string
	for _, p := range ports {
		host := fmt.Sprint(p.HostPort)
		if p.HostPortEnd != 0 {
			host += fmt.Sprintf("-%d", p.HostPortEnd)
		}
		all = append(all, fmt.Sprintf("%s|%s>%d/%s", p.HostIP, host, p.ContainerPort, p.Protocol))
	}
	return strings.Join(all, " ")
}

func TestParsePort(t *testing.T) {
	tests := []struct {
		in, want, err string
	}{
		{in: "80", want: "|0>80/tcp"},
		{in: "8080:80", want: "|8080>80/tcp"},
		{in: "8080:80/UDP", want: "|8080>80/udp"},
		{in: ":80", want: "|0>80/tcp"},
		{in: "0:80", want: "|0>80/tcp"},
		{in: "127.0.0.1:8080:80", want: "127.0.0.1|8080>80/tcp"},
		{in: "127.0.0.1::80", want: "127.0.0.1|0>80/tcp"},
		{in: "[::1]:8080:80", want: "::1|8080>80/tcp"},
		{in: "::1:8080:80", want: "::1|8080>80/tcp"},
		{in: "[::]::80", want: "::|0>80/tcp"},
		{in: "8080-8081:80-81", want: "|8080>80/tcp |8081>81/tcp"},
		{in: "80-81", want: "|0>80/tcp |0>81/tcp"},
		{in: "8080-8090:80", want: "|8080-8090>80/tcp"},
		{in: "target=80,published=8080,protocol=udp", want: "|8080>80/udp"},
		{in: "target=80,host_ip=127.0.0.1", want: "127.0.0.1|0>80/tcp"},
		{in: "65535:65535", want: "|65535>65535/tcp"},

		{in: "", err: "container port"},
		{in: "x", err: "container port"},
		{in: "0", err: "container port"},
		{in: "65536", err: "container port"},
		{in: "-1:80", err: "host port"},
		{in: "+1:80", err: "host port"},
		{in: "8080:", err: "container port"},
		{in: "81-80", err: "container port"},
		{in: "8080-8081:80-82", err: "differ in length"},
		{in: "80/sctp", err: "tcp and udp"},
		{in: "80/icmp", err: "protocol"},
		{in: "localhost:80:80", err: "IP address"},
		{in: "[::1:80:80", err: "bracket"},
		{in: "fe80::1%eth0:80:80", err: "IP address"},
		{in: "published=80", err: "target= is missing"},
		{in: "target=80,colour=red", err: "colour"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ParsePort("publish", tt.in)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.HasPrefix(err.Error(), "--publish ") {
					t.Fatalf("ParsePort(%q) error = %v, want one about %q", tt.in, err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatalf("ParsePort(%q): %v", tt.in, err)
			}
			if show(got) != tt.want {
				t.Errorf("ParsePort(%q) = %s, want %s", tt.in, show(got), tt.want)
			}
		})
	}
}

// checkError holds what all parsers promise of their errors.
func checkError(t *testing.T, in string, err error) {
	t.Helper()
	var usage *command.UsageError
	if !errors.As(err, &usage) && !errors.Is(err, vzcontract.ErrUnsupported) {
		t.Errorf("%q: error %v is neither a usage error nor a refusal", in, err)
	}
}

func FuzzParsePort(f *testing.F) {
	for _, s := range []string{"80", "[::1]:1-2:3-4/udp", "target=80,published=1", "1-3:5", "::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ports, err := ParsePort("publish", s)
		if err != nil {
			checkError(t, s, err)
			return
		}
		if len(ports) == 0 {
			t.Errorf("%q gives no port", s)
		}
		for _, p := range ports {
			if p.ContainerPort == 0 || p.Protocol != "tcp" && p.Protocol != "udp" || p.HostPortEnd != 0 && p.HostPortEnd <= p.HostPort {
				t.Errorf("%q gives %+v", s, p)
			}
			if _, err := netip.ParseAddr(p.HostIP); p.HostIP != "" && err != nil {
				t.Errorf("%q gives host address %q", s, p.HostIP)
			}
		}
	})
}
