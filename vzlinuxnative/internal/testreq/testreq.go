// Package testreq says what a test needs of the machine. A test whose need is
// not met is skipped with the missing thing named; where the environment
// variable VZ_REQUIRE lists the need ("root,net,cgroup2"), the skip is a failure
// instead, so that coverage cannot vanish unseen.
package testreq

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The needs, as VZ_REQUIRE spells them. "program" stands for every program
// that a test asks for.
const (
	needRoot     = "root"
	needNet      = "net"
	needCgroupV2 = "cgroup2"
	needUserNS   = "userns"
	needProgram  = "program"
)

// Root needs the superuser with CAP_SYS_ADMIN in the initial user namespace.
func Root(t testing.TB) {
	t.Helper()
	need(t, needRoot, rootMissing())
}

// Net needs the rights and kernel features to make network namespaces, veth
// pairs and nftables tables.
func Net(t testing.TB) {
	t.Helper()
	need(t, needNet, netMissing())
}

// UserNS needs user namespaces, and devices for interfaces that programs make.
func UserNS(t testing.TB) {
	t.Helper()
	need(t, needUserNS, userNSMissing())
}

// CgroupV2 needs the unified cgroup hierarchy with the memory controller.
func CgroupV2(t testing.TB) {
	t.Helper()
	need(t, needCgroupV2, cgroupV2Missing())
}

// Program needs each of names on PATH and returns their paths in order.
func Program(t testing.TB, names ...string) []string {
	t.Helper()
	paths := make([]string, 0, len(names))
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			need(t, needProgram, "the program "+name+" is not on PATH")
		}
		paths = append(paths, path)
	}
	return paths
}

// need ends the test when why is not empty.
func need(t testing.TB, name, why string) {
	t.Helper()
	if why == "" {
		return
	}
	if required(os.Getenv("VZ_REQUIRE"), name) {
		t.Fatalf("VZ_REQUIRE lists %s, but %s", name, why)
		return
	}
	t.Skipf("needs %s: %s", name, why)
}

func required(list, name string) bool {
	for entry := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(entry) == name {
			return true
		}
	}
	return false
}
