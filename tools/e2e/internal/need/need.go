// Package need says what an end-to-end test needs of the machine. A test whose
// need is not met is skipped with the missing thing named; where the environment
// variable VZ_REQUIRE lists the need ("root,program"), the skip is a failure.
package need

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Root needs the superuser.
func Root(t testing.TB) {
	t.Helper()
	if uid := os.Geteuid(); uid != 0 {
		Missing(t, "root", fmt.Sprintf("the tests run as uid %d, not 0", uid))
	}
}

// VZ needs the program vz on PATH and returns where it is.
func VZ(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("vz")
	if err != nil {
		Missing(t, "vz", "vz is not on PATH: make build")
	}
	return path
}

// Programs needs each of names on PATH and returns where the first one is.
func Programs(t testing.TB, names ...string) string {
	t.Helper()
	first := ""
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			Missing(t, "program", "the program "+name+" is not on PATH: tools/sh/packages.sh test")
		}
		if first == "" {
			first = path
		}
	}
	return first
}

// Missing ends the test because the need is not met, for the reason why.
func Missing(t testing.TB, need, why string) {
	t.Helper()
	if slices.Contains(strings.Split(strings.ReplaceAll(os.Getenv("VZ_REQUIRE"), " ", ""), ","), need) {
		t.Fatalf("VZ_REQUIRE lists %s, but %s", need, why)
	}
	t.Skipf("needs %s: %s", need, why)
}
