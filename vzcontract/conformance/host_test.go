package conformance_test

import (
	"runtime"
	"strings"
	"testing"

	"vz.internal/vzcontract/conformance"
)

func TestHostProbes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux")
	}
	for _, p := range conformance.HostProbes(nil) {
		lines, err := p.Take()
		if err != nil {
			t.Errorf("probe %s: %v", p.Name, err)
		}
		if len(lines) == 0 && p.Name != "network namespaces" && p.Name != "cgroups" {
			t.Errorf("probe %s sees nothing at all", p.Name)
		}
	}
	for _, p := range conformance.HostProbes(func(line string) bool { return strings.HasSuffix(line, " proc") }) {
		lines, err := p.Take()
		if err != nil {
			t.Errorf("probe %s: %v", p.Name, err)
		}
		if p.Name == "mounts" && len(lines) == 0 {
			t.Error("no mount of proc passes the filter")
		}
		for _, line := range lines {
			if !strings.HasSuffix(line, " proc") {
				t.Errorf("probe %s lets %q pass", p.Name, line)
			}
		}
	}
}
