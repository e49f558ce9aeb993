//go:build linux

package securitytest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/engine"
)

type config = vzcontract.RunConfig

// Run runs every check. Each gets an engine and a root of its own. With
// noSeccomp, the reason why the engine was built without filters, the checks
// of filters are skipped and the others run unconfined.
func Run(t *testing.T, open func(t *testing.T) engine.Engine, noSeccomp string) {
	checks := []struct {
		name string
		run  func(l *lab)
	}{
		{"capabilities", capabilities},
		{"seccomp", filter},
		{"masked paths", masked},
		{"devices", devices},
		{"no new privileges", noNewPrivileges},
		{"read-only root", readOnly},
		{"sysctl", sysctl},
		{"ulimit", ulimit},
		{"users and groups", users},
		{"pids limit", pidsLimit},
		{"memory limit", memoryLimit},
		{"cpuset", cpuset},
		{"shared memory", sharedMemory},
		{"namespaces", namespaces},
		{"privileged", privileged},
		{"escape by own executable", ownExecutable},
		{"escape by descriptor", leakedDescriptor},
		{"escape by links in dev", linksInDev},
		{"escape by console", consoleLinks},
		{"escape by proc link", procLink},
		{"mount in proc by a link", mountInProc},
		{"swapped mount source", swappedSource},
	}
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "seccomp" && noSeccomp != "" {
				t.Skip(noSeccomp)
			}
			l := newLab(t, open(t))
			l.unconfined = noSeccomp != ""
			c.run(l)
		})
	}
}

func capabilities(l *lab) {
	set := func(s vzcontract.SecurityConfig) string {
		return strings.Fields(l.out(config{Security: s}, "grep CapBnd /proc/self/status"))[1]
	}
	require.Equal(l, "00000000a80425fb", set(vzcontract.SecurityConfig{}))
	require.Equal(l, "0000000000000001", set(vzcontract.SecurityConfig{CapDrop: []string{"ALL"}, CapAdd: []string{"CHOWN"}}))
	require.Equal(l, "0000000000000000", set(vzcontract.SecurityConfig{CapDrop: []string{"ALL"}}))
	l.refused(config{}, "mount -t tmpfs x /tmp", "denied")
	l.refused(config{}, "hostname x", "not permitted")
	l.user = "app"
	require.Contains(l, l.out(config{}, "grep CapEff /proc/self/status"), "0000000000000000")
}

// filter sees the default profile, and one of the user's.
func filter(l *lab) {
	require.Contains(l, l.out(config{}, "grep Seccomp: /proc/self/status"), "2")
	// CAP_SYS_ADMIN would allow it; the filter depends on the capability too.
	l.refused(config{}, "unshare -U true", "not permitted")
	l.refused(config{Security: vzcontract.SecurityConfig{
		Privileged: true, Seccomp: `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["chmod","fchmodat","fchmodat2"],"action":"SCMP_ACT_ERRNO"}]}`,
	}}, "chmod 600 /tmp", "not permitted")
	require.Contains(l, l.out(config{Security: vzcontract.SecurityConfig{Seccomp: "unconfined"}}, "grep Seccomp: /proc/self/status"), "0")
}

func masked(l *lab) {
	require.Equal(l, "0", l.out(config{}, "cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c"))
	require.Empty(l, l.out(config{}, "for d in /sys/firmware /proc/acpi /proc/scsi; do ls $d 2>/dev/null; done; true"))
	for _, path := range []string{"/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/irq/default_smp_affinity"} {
		if _, err := os.Stat(path); err == nil { // this kernel has it
			l.refused(config{}, "echo 0 >"+path, "Read-only")
		}
	}
	l.refused(config{}, "umount /proc/kcore", "")
	open := config{Security: vzcontract.SecurityConfig{UnmaskPaths: []string{"/proc/sys"}}}
	require.NotContains(l, l.out(open, "grep ' /proc/sys ' /proc/mounts || true"), "ro")
}

func devices(l *lab) {
	require.Equal(l, "console\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero",
		l.out(config{}, "touch /dev/console; ls /dev | grep -v core"))
	for _, node := range []string{"b 7 0", "b 8 0", "c 10 200", "c 10 232", "c 1 1", "c 1 11"} {
		l.refused(config{}, "rm -f /tmp/n; mknod /tmp/n "+node+" && exec 3<>/tmp/n", "not permitted")
	}
	require.Equal(l, "4", l.out(config{}, "head -c4 /dev/urandom | wc -c"))
	cfg := config{Devices: []vzcontract.Device{{HostPath: "/dev/zero", ContainerPath: "/dev/nil", Permissions: "r"}}}
	require.Equal(l, "1:5", l.out(cfg, "stat -c %t:%T /dev/nil"))
}

func noNewPrivileges(l *lab) {
	require.Contains(l, l.out(config{}, "grep NoNewPrivs /proc/self/status"), "0")
	cfg := config{Security: vzcontract.SecurityConfig{NoNewPrivileges: true}}
	require.Contains(l, l.out(cfg, "grep NoNewPrivs /proc/self/status"), "1")
	require.NoError(l, os.Chmod(filepath.Join(l.root, "bin/busybox"), 0o4755|os.ModeSetuid))
	l.user = "app"
	require.Equal(l, "33", l.out(cfg, "id -u"))
}

func readOnly(l *lab) {
	cfg := config{ReadOnly: true, Mounts: []vzcontract.Mount{{Type: vzcontract.MountTmpfs, Target: "/tmp"}}}
	l.refused(cfg, "touch /file", "Read-only")
	require.Empty(l, l.out(cfg, "touch /tmp/file /dev/shm/file"))
	l.refused(cfg, "mount -o remount,rw /", "")
	src := l.TempDir()
	l.binds = []engine.ResolvedMount{{Mount: vzcontract.Mount{Type: vzcontract.MountBind, Target: "/data", ReadOnly: true}, HostPath: src}}
	l.refused(config{}, "touch /data/file", "Read-only")
	require.Contains(l, l.out(cfg, "grep ' /tmp ' /proc/mounts"), "noexec")
}

func sysctl(l *lab) {
	cfg := config{Sysctls: map[string]string{"net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1"}}
	require.Equal(l, "1\n1", l.out(cfg, "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced"))
	require.Equal(l, "0", l.out(config{}, "cat /proc/sys/kernel/shm_rmid_forced"))
}

func ulimit(l *lab) {
	cfg := config{Ulimits: []vzcontract.Ulimit{{Name: "nofile", Soft: 70, Hard: 80}, {Name: "core", Soft: 0, Hard: 0}}}
	require.Equal(l, "70 80 0", l.out(cfg, "echo $(ulimit -n) $(ulimit -Hn) $(ulimit -c)"))
}

func users(l *lab) {
	l.user = "app"
	require.Equal(l, "uid=33(app) gid=34(web) groups=34(web),50(extra)", l.out(config{}, "id"))
	require.Equal(l, "/home/app", l.out(config{}, "echo $HOME"))
	require.Equal(l, "uid=33(app) gid=34(web) groups=34(web),50(extra),1234", l.out(config{Groups: []string{"1234"}}, "id"))
	l.refused(config{}, "cat /etc/shadow 2>&1; touch /bin/x", "denied")
	l.user = "4000:50"
	require.Equal(l, "uid=4000 gid=50(extra) groups=50(extra)", l.out(config{}, "id"))
}

func pidsLimit(l *lab) {
	l.needs("pids")
	cfg := config{Resources: vzcontract.Resources{PidsLimit: 20}}
	l.refused(cfg, "for i in $(seq 60); do sleep 1000 & done", "fork")
}

func memoryLimit(l *lab) {
	l.needs("memory")
	cfg := config{Resources: vzcontract.Resources{Memory: 48 << 20, MemorySwap: 48 << 20}}
	c, err := l.create(cfg, "exec tail /dev/zero", engine.Stdio{})
	require.NoError(l, err)
	group, err := cgroup.Open(groupOf(l, c.PID()))
	require.NoError(l, err)
	require.NoError(l, c.Start(l.Context()))
	ws, err := c.Wait()
	require.NoError(l, err)
	require.Equal(l, unix.SIGKILL, ws.Signal())
	kills, err := group.OOMKills()
	require.NoError(l, err)
	require.Positive(l, kills)
}

// groupOf returns the cgroup of a process, as package cgroup names it.
func groupOf(l *lab, pid int) string {
	l.Helper()
	b, err := os.ReadFile("/proc/" + itoa(pid) + "/cgroup")
	require.NoError(l, err)
	for line := range strings.Lines(string(b)) {
		if i := strings.Index(line, "/vztest/"); i > 0 {
			return strings.TrimSpace(line[i:])
		}
	}
	l.Fatalf("process %d is in no cgroup of the test: %s", pid, b)
	return ""
}

func cpuset(l *lab) {
	l.needs("cpuset", "cpu")
	cfg := config{Resources: vzcontract.Resources{CpusetCPUs: "0", NanoCPUs: 5e8}}
	require.Contains(l, l.out(cfg, "grep Cpus_allowed_list /proc/self/status"), "\t0")
	require.Equal(l, "1", l.out(cfg, "nproc"))
}

func sharedMemory(l *lab) {
	require.Contains(l, l.out(config{}, "df -k /dev/shm"), " 65536 ")
	require.Contains(l, l.out(config{ShmSize: 1 << 20}, "df -k /dev/shm"), " 1024 ")
}

func namespaces(l *lab) {
	for _, ns := range []string{"pid", "net", "ipc", "uts", "mnt", "cgroup"} {
		host, err := os.Readlink("/proc/self/ns/" + ns)
		require.NoError(l, err)
		require.NotEqual(l, host, l.out(config{}, "readlink /proc/self/ns/"+ns), ns)
	}
	cfg := config{NetworkMode: "host", Namespaces: vzcontract.NamespaceConfig{PID: "host", UTS: "host", IPC: "host", Cgroup: "host"}}
	for _, ns := range []string{"pid", "net", "ipc", "uts", "cgroup"} {
		host, err := os.Readlink("/proc/self/ns/" + ns)
		require.NoError(l, err)
		require.Equal(l, host, l.out(cfg, "readlink /proc/self/ns/"+ns), ns)
	}
	require.Equal(l, "1", l.out(config{}, "echo $$"))
	require.Equal(l, "lo", l.out(config{}, "ls /sys/class/net"))
}

func privileged(l *lab) {
	cfg := config{Security: vzcontract.SecurityConfig{Privileged: true}}
	require.Empty(l, l.out(cfg, "mount -t tmpfs x /tmp && mount -o remount,rw /sys && cat /dev/null"))
	require.Contains(l, l.out(cfg, "grep Seccomp: /proc/self/status"), "0")
	require.NotEqual(l, "0", l.out(cfg, "cat /proc/timer_list | wc -c"))
}
