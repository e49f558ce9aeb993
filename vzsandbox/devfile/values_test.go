package devfile

import (
	"math"
	"testing"

	"vz.internal/vzcontract"
)

func TestPortMapping(t *testing.T) {
	for _, tt := range []struct {
		in   Port
		want vzcontract.PortMapping
		bad  bool
	}{
		{in: "8080", want: vzcontract.PortMapping{HostIP: "127.0.0.1", HostPort: 8080, ContainerPort: 8080, Protocol: "tcp"}},
		{in: "3000:80", want: vzcontract.PortMapping{HostIP: "127.0.0.1", HostPort: 3000, ContainerPort: 80, Protocol: "tcp"}},
		{in: "53/udp", want: vzcontract.PortMapping{HostIP: "127.0.0.1", HostPort: 53, ContainerPort: 53, Protocol: "udp"}},
		{in: "0.0.0.0:3000:80/tcp", want: vzcontract.PortMapping{HostIP: "0.0.0.0", HostPort: 3000, ContainerPort: 80, Protocol: "tcp"}},
		{in: "[::1]:3000:80", want: vzcontract.PortMapping{HostIP: "::1", HostPort: 3000, ContainerPort: 80, Protocol: "tcp"}},
		{in: "", bad: true},
		{in: "65536", bad: true},
		{in: "+1", bad: true},
		{in: "-1", bad: true},
		{in: "1.5", bad: true},
		{in: "1:", bad: true},
		{in: ":1", bad: true},
		{in: "1:2:3", bad: true},
		{in: "fe80::1%eth0:1:2", bad: true},
		{in: "1/", bad: true},
		{in: "1/TCP", bad: true},
	} {
		got, err := tt.in.Mapping()
		if (err != nil) != tt.bad || err == nil && got != tt.want {
			t.Errorf("Port(%q).Mapping() = %+v, %v, want %+v", tt.in, got, err, tt.want)
		}
	}
}

func TestSizeBytes(t *testing.T) {
	for in, want := range map[Size]int64{
		"": 0, "1": 1, "512m": 512 << 20, "4G": 4 << 30, "4gb": 4 << 30, "2KiB": 2048, "1t": 1 << 40,
		"8388607t": 8388607 << 40,
	} {
		if got, err := in.Bytes(); err != nil || got != want {
			t.Errorf("Size(%q).Bytes() = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []Size{"0", "-1", "m", "1.5g", "1 g", "1gk", "1x", "8388608t", "9223372036854775808"} {
		if got, err := in.Bytes(); err == nil {
			t.Errorf("Size(%q).Bytes() = %d, want an error", in, got)
		}
	}
}

func TestNanoCPUs(t *testing.T) {
	for in, want := range map[float64]int64{0: 0, 0.1: 1e8, 1.5: 15e8, math.Pi: 3141592654} {
		if got := (Resources{CPUs: in}).NanoCPUs(); got != want {
			t.Errorf("NanoCPUs of %v = %d, want %d", in, got, want)
		}
	}
}
