//go:build linux

package vzlinuxnative_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzlinuxnative"
	"vz.internal/vzlinuxnative/internal/testreq"
)

// TestMain lets the test program be the monitor of the tests' containers.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "internal" && os.Args[2] == "monitor" {
		os.Exit(vzlinuxnative.MonitorMain(os.Args[3:]))
	}
	if dirs, ok := os.LookupEnv(lifeVariable); ok {
		d := strings.Split(dirs, ":")
		if err := life(d[0], d[1], d[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func busybox(t *testing.T) string {
	t.Helper()
	const path = "/bin/busybox"
	if _, err := os.Stat(path); err != nil {
		t.Skipf("needs a static busybox (package busybox-static): %v", err)
	}
	return path
}

func open(t *testing.T) *vzlinuxnative.Backend {
	t.Helper()
	testreq.Root(t)
	self, err := os.Executable()
	require.NoError(t, err)
	b, err := vzlinuxnative.Open(vzlinuxnative.Options{
		Home: t.TempDir(), Run: t.TempDir(), Monitor: []string{self, "internal", "monitor"},
	})
	require.NoError(t, err)
	return b
}

// TestConformance runs the suite that every backend passes.
func TestConformance(t *testing.T) {
	testreq.Root(t)
	root := conformance.BusyboxRoot(t, busybox(t))
	conformance.TestBackend(t, conformance.Config{
		New:    func(t *testing.T) vzcontract.RuntimeBackend { return open(t) },
		Rootfs: func(*testing.T) string { return root },
		Probes: conformance.HostProbes(func(line string) bool {
			return strings.Contains(line, "TestConformance") || strings.Contains(line, "/vz/")
		}),
	})
}
