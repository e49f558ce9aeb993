package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// hybrid is where a host with cgroups of both versions has the second one.
const hybrid = "/sys/fs/cgroup/unified"

// isolated is set in the environment of the bench that runs isolated.
const isolated = "VZ_BENCH_ISOLATED"

// isolate goes on in mount, network and process namespaces of its own: the
// tools' bridges, rules and processes vanish with them, also when the bench is
// killed. The shell there takes in orphans. The second cgroup version is hidden
// there, which crun refuses to see beside the first one.
func isolate() error {
	if os.Getenv(isolated) != "" {
		return nil
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return fmt.Errorf("%w: install iproute2", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// A host that forwards already is one on which docker lets others' packets pass.
	steps := []string{
		"ip link set lo up", "echo 1 > /proc/sys/net/ipv4/ip_forward",
		"mount -t tmpfs tmpfs /dev/shm", // where podman's locks are
	}
	if _, err := os.Stat(hybrid + "/cgroup.procs"); err == nil {
		steps = append(steps, "umount -l "+hybrid)
	}
	steps = append(steps, `{ "$0" "$@"; exit $?; }`)
	args := append([]string{
		"unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "sh", "-c", strings.Join(steps, " && "), self,
	}, os.Args[1:]...)
	return syscall.Exec(unshare, args, append(os.Environ(), isolated+"=1"))
}
