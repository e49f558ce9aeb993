//go:build linux

package e2e

const rights = "grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status"

// podmanRights: podman's defaults leave out three capabilities of docker's.
var podmanRights = []difference{
	{peer: "podman", pattern: `^Cap(Prm|Eff|Bnd)`, why: "podman leaves out MKNOD, AUDIT_WRITE and NET_RAW; vz has docker's 14"},
}

// systemQuestions are about rights, limits and the kernel's files.
var systemQuestions = []question{
	{name: "capabilities", args: sh(rights), differs: podmanRights},
	{name: "capabilities of a user", flags: []string{"--user", "1000"}, args: sh(rights), differs: podmanRights},
	{name: "no capabilities", flags: []string{"--cap-drop", "ALL"}, args: sh(rights)},
	{name: "two capabilities", flags: []string{"--cap-drop", "all", "--cap-add", "CHOWN", "--cap-add", "CAP_NET_ADMIN"}, args: sh(rights)},
	{name: "capability of a user", flags: []string{"--user", "1000", "--cap-drop", "ALL", "--cap-add", "net_admin"}, args: sh("grep CapBnd /proc/self/status")},
	{name: "no new privileges", flags: []string{"--security-opt", "no-new-privileges"}, args: sh(rights), differs: podmanRights},
	{name: "no filter", flags: []string{"--security-opt", "seccomp=unconfined"}, args: sh(rights), differs: podmanRights},
	{name: "privileged", flags: []string{"--privileged"}, args: sh(rights + "; ls -d /dev/mem /dev/kmsg 2>/dev/null; touch /proc/sys/kernel/domainname"), only: "podman", why: "docker wants rights that the host may lack"},
	{name: "denied system calls", args: sh("mount -t tmpfs t /tmp 2>&1; unshare -m true 2>&1; mknod /tmp/d b 7 0 2>&1; hostname x 2>&1"), only: "docker", why: "podman lacks MKNOD"},
	{name: "limits", args: sh("cat /proc/self/limits"), only: "docker", why: "podman gets limits by flags, see peer.Podman"},
	{name: "limits by flags", flags: []string{"--ulimit", "nofile=100:200", "--ulimit", "core=0", "--ulimit", "nproc=50"}, args: sh("grep -E 'open files|core|processes' /proc/self/limits"), only: "docker", why: "as above"},
	{name: "memory limit", flags: []string{"--memory", "64m"}, args: sh("cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory/memory.memsw.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null")},
	{name: "cpu limit", flags: []string{"--cpus", "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0"}, args: sh("cd /sys/fs/cgroup; cat cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpu/cpu.shares cpuset/cpuset.cpus cpu.max 2>/dev/null; grep Cpus_allowed_list /proc/self/status")},
	{name: "process limit", flags: []string{"--pids-limit", "20"}, args: sh("cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null")},
	{name: "oom score", flags: []string{"--oom-score-adj", "500"}, args: sh("cat /proc/self/oom_score_adj")},
	{name: "host name", flags: []string{"--hostname", "some.host"}, args: sh("hostname; cat /etc/hostname")},
	{name: "hosts", flags: []string{"--hostname", "h", "--add-host", "a:192.0.2.1", "--add-host", "b.c:192.0.2.2"}, args: sh("cat /etc/hosts"), only: "docker", why: "podman copies the host's file"},
	{name: "resolver", flags: []string{"--dns", "192.0.2.53", "--dns-search", "example.org", "--dns-option", "ndots:3"}, args: sh("grep -v '^#' /etc/resolv.conf | grep . | sort"), only: "docker", why: "podman makes no file for network none"},
	{name: "sysctl", flags: []string{"--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.msgmax=1234"}, args: sh("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax")},
	{name: "bad sysctl", flags: []string{"--sysctl", "kernel.panic=1"}, args: sh("true"), only: "docker", why: "podman ends with 126"},
	{name: "interfaces", args: sh("ls /sys/class/net; cat /proc/net/route")},
	{name: "masked files", args: sh("cat /proc/kcore /proc/keys /proc/timer_list; ls /sys/firmware /proc/acpi /proc/scsi; echo x >/proc/sys/kernel/domainname; echo b >/proc/sysrq-trigger; true")},
	{name: "host's processes", flags: []string{"--pid", "host"}, args: sh("test $$ != 1 && echo yes")},
	{name: "host's name space of names", flags: []string{"--uts", "host"}, args: sh("hostname")},
}
