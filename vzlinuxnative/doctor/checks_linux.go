package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

func checks() []Check {
	all := []Check{
		{"kernel", kernel},
		{"user", user},
		{"namespaces", namespaces},
		{"cgroups", cgroups},
		{"overlay", overlay},
		{"idmapped mounts", idmap},
		{"seccomp", seccomp},
		{"security modules", lsm},
		{"netlink", netlinkRights},
		{"nftables", nftables},
		{"ip forwarding", forwarding},
		{"user namespaces", userNamespaces},
		{"open files", openFiles},
		{"state directory", disk},
		{"external runtimes", runtimes},
	}
	if ordinary() {
		return forUsers(all)
	}
	return all
}

func kernel(context.Context, Dirs) Result {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Result{Status: Failed, Detail: err.Error()}
	}
	release := unix.ByteSliceToString(u.Release[:])
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n < 2 {
		return Result{Status: Warning, Detail: release + ": a version that cannot be read"}
	}
	if major < 5 || major == 5 && minor < 10 {
		return Result{Status: Failed, Detail: release, Remedy: "vz needs Linux 5.10 or newer"}
	}
	return ok(release)
}

// wanted are the capabilities that starting a container uses.
var wanted = map[string]int{
	"SYS_ADMIN": unix.CAP_SYS_ADMIN, "NET_ADMIN": unix.CAP_NET_ADMIN, "CHOWN": unix.CAP_CHOWN, "DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE,
	"SETUID": unix.CAP_SETUID, "SETGID": unix.CAP_SETGID, "SETPCAP": unix.CAP_SETPCAP, "MKNOD": unix.CAP_MKNOD, "FOWNER": unix.CAP_FOWNER,
	"SYS_CHROOT": unix.CAP_SYS_CHROOT, "KILL": unix.CAP_KILL,
}

func user(context.Context, Dirs) Result {
	if uid := os.Geteuid(); uid != 0 {
		return Result{Status: Failed, Detail: fmt.Sprintf("uid %d", uid), Remedy: "run vz as root, for example with sudo"}
	}
	var lacking []string
	for _, name := range sorted(wanted) {
		if !capable(wanted[name]) {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) > 0 {
		return Result{
			Status: Failed, Detail: "root without " + strings.Join(lacking, ", "),
			Remedy: "start the surrounding container with these capabilities, or run vz on the host",
		}
	}
	if !capable(unix.CAP_SYS_RESOURCE) {
		return Result{
			Status: Warning, Detail: "root without SYS_RESOURCE: --ulimit cannot exceed vz's own hard limits, --oom-score-adj cannot go below vz's own",
			Remedy: "give the surrounding container CAP_SYS_RESOURCE",
		}
	}
	return ok("root with all capabilities that are needed")
}

// capable reports whether this process has a capability.
func capable(c int) bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[c/32].Effective&(1<<(c%32)) != 0
}

func namespaces(context.Context, Dirs) Result {
	var lacking []string
	for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "uts"} {
		if _, err := os.Stat("/proc/self/ns/" + ns); err != nil {
			lacking = append(lacking, ns)
		}
	}
	if len(lacking) > 0 {
		return Result{Status: Failed, Detail: "the kernel lacks " + strings.Join(lacking, ", "), Remedy: "use a kernel with CONFIG_NAMESPACES and all its kinds"}
	}
	return ok("cgroup, ipc, mnt, net, pid, uts")
}

func userNamespaces(context.Context, Dirs) Result {
	data, err := os.ReadFile("/proc/sys/user/max_user_namespaces")
	if errors.Is(err, fs.ErrNotExist) {
		return Result{Status: Missing, Detail: "not in this kernel: --userns auto and keep-id do not work", Remedy: "use a kernel with CONFIG_USER_NS"}
	}
	if err != nil {
		return Result{Status: Warning, Detail: err.Error()}
	}
	if strings.TrimSpace(string(data)) == "0" {
		return Result{Status: Missing, Detail: "switched off", Remedy: "sysctl user.max_user_namespaces=15000"}
	}
	return ok("up to " + strings.TrimSpace(string(data)))
}

func seccomp(context.Context, Dirs) Result {
	data, err := os.ReadFile("/proc/sys/kernel/seccomp/actions_avail")
	if err != nil {
		return Result{Status: Failed, Detail: "the kernel has no filters of system calls", Remedy: "use a kernel with CONFIG_SECCOMP_FILTER"}
	}
	return ok(strings.TrimSpace(string(data)))
}

func lsm(context.Context, Dirs) Result {
	data, err := os.ReadFile("/sys/kernel/security/lsm")
	if err != nil {
		return Result{Status: Missing, Detail: "cannot be read; neither AppArmor nor SELinux is used", Remedy: "mount -t securityfs securityfs /sys/kernel/security"}
	}
	list := strings.TrimSpace(string(data))
	for _, name := range []string{"apparmor", "selinux"} {
		if strings.Contains(list, name) {
			return ok(list)
		}
	}
	return Result{Status: Missing, Detail: list + "; neither AppArmor nor SELinux: --security-opt apparmor= and label= do not work", Remedy: "boot with apparmor=1 security=apparmor where the kernel has it"}
}

func openFiles(context.Context, Dirs) Result {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return Result{Status: Warning, Detail: err.Error()}
	}
	if r.Max < 65536 {
		return Result{Status: Warning, Detail: fmt.Sprintf("hard limit %d: containers get no more", r.Max), Remedy: "raise it: ulimit -Hn 1048576, or LimitNOFILE= of the service"}
	}
	return ok(fmt.Sprintf("hard limit %d", r.Max))
}

func runtimes(context.Context, Dirs) Result {
	var found []string
	for _, name := range []string{"crun", "runc", "youki"} {
		if p, err := exec.LookPath(name); err == nil {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return ok("none, and none is needed")
	}
	return ok(strings.Join(found, ", ") + " (not needed)")
}
