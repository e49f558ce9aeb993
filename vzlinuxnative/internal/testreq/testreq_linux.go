package testreq

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

var rootMissing = sync.OnceValue(func() string {
	if uid := os.Geteuid(); uid != 0 {
		return fmt.Sprintf("the tests run as uid %d, not 0", uid)
	}
	return inNewNamespace("mount", unix.CLONE_NEWNS)
})

var netMissing = sync.OnceValue(func() string {
	if why := rootMissing(); why != "" {
		return why
	}
	if why := inNewNamespace("network", unix.CLONE_NEWNET); why != "" {
		return why
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return fmt.Sprintf("the kernel has no netfilter netlink: %v", err)
	}
	_ = unix.Close(fd)
	return ""
})

var userNSMissing = sync.OnceValue(func() string {
	if most, err := os.ReadFile("/proc/sys/user/max_user_namespaces"); err != nil {
		return fmt.Sprintf("the kernel has no user namespaces: %v", err)
	} else if strings.TrimSpace(string(most)) == "0" {
		return "user.max_user_namespaces is 0"
	}
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		return fmt.Sprintf("the kernel has no tap devices: %v", err)
	}
	_ = f.Close()
	return ""
})

// inNewNamespace tries to make a namespace on a thread that ends with it.
func inNewNamespace(name string, flag int) string {
	result := make(chan string, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with its namespace
		if err := unix.Unshare(flag | unix.CLONE_FS); err != nil {
			result <- fmt.Sprintf("a new %s namespace is not allowed: %v", name, err)
			return
		}
		result <- ""
	}()
	return <-result
}

var cgroupV2Missing = sync.OnceValue(func() string {
	const file = "/sys/fs/cgroup/cgroup.controllers"
	controllers, err := os.ReadFile(file)
	if err != nil {
		return fmt.Sprintf("the host does not use the unified cgroup hierarchy: %v", err)
	}
	for _, controller := range []string{"cpu", "memory", "pids"} {
		if !strings.Contains(" "+strings.TrimSpace(string(controllers))+" ", " "+controller+" ") {
			return fmt.Sprintf("%s lacks the controller %s", file, controller)
		}
	}
	return ""
})
