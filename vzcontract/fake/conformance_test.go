package fake_test

import (
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzcontract/fake"
)

func TestConformance(t *testing.T) {
	conformance.TestBackend(t, conformance.Config{
		New:   func(*testing.T) vzcontract.RuntimeBackend { return fake.New() },
		Image: fake.Builtin,
	})
}

// TestConformanceOnDisk keeps the state in a directory.
func TestConformanceOnDisk(t *testing.T) {
	conformance.TestBackend(t, conformance.Config{
		New: func(t *testing.T) vzcontract.RuntimeBackend {
			b, err := fake.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			return b
		},
		Image: fake.Builtin,
	})
}
