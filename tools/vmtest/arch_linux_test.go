package vmtest

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// arches returns the architectures of guests that are tested: both, or what
// VZ_VMTEST_ARCH lists.
func arches(t testing.TB) []string {
	t.Helper()
	list, ok := os.LookupEnv("VZ_VMTEST_ARCH")
	if !ok {
		return []string{"x86_64", "arm64"}
	}
	all := strings.Split(list, ",")
	for _, arch := range all {
		require.Contains(t, goarch, arch, "VZ_VMTEST_ARCH")
	}
	return all
}

// each runs a test once for each architecture of guests.
func each(t *testing.T, test func(t *testing.T, arch string)) {
	t.Helper()
	for _, arch := range arches(t) {
		t.Run(arch, func(t *testing.T) { test(t, arch) })
	}
}
