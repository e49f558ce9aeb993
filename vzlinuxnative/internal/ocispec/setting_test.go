//go:build linux

package ocispec

import (
	"math"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
)

func TestCapabilities(t *testing.T) {
	caps := func(s vzcontract.SecurityConfig) []string {
		return mustBuild(t, vzcontract.RunConfig{Security: s}).Process.Capabilities.Bounding
	}
	require.ElementsMatch(t, defaultCapabilities, caps(vzcontract.SecurityConfig{}))
	require.Equal(t, []string{"CAP_CHOWN"}, caps(vzcontract.SecurityConfig{CapDrop: []string{"ALL"}, CapAdd: []string{"chown"}}))
	require.Empty(t, caps(vzcontract.SecurityConfig{CapDrop: []string{"all"}}))
	require.NotNil(t, caps(vzcontract.SecurityConfig{CapDrop: []string{"all"}}))
	all := caps(vzcontract.SecurityConfig{CapAdd: []string{"ALL"}, CapDrop: []string{"CAP_SYS_ADMIN"}})
	require.Contains(t, all, "CAP_NET_ADMIN")
	require.NotContains(t, all, "CAP_SYS_ADMIN")
	require.NotContains(t, all, "CAP_SYS_RESOURCE", "the host does not have it")
	require.Contains(t, caps(vzcontract.SecurityConfig{Privileged: true}), "CAP_SYS_ADMIN")
	require.NotContains(t, caps(vzcontract.SecurityConfig{Privileged: true, CapDrop: []string{"SYS_ADMIN"}}), "CAP_SYS_ADMIN")
	require.Contains(t, caps(vzcontract.SecurityConfig{CapAdd: []string{"net_admin"}}), "CAP_NET_ADMIN")
}

func TestRlimits(t *testing.T) {
	got := mustBuild(t, vzcontract.RunConfig{Ulimits: []vzcontract.Ulimit{
		{Name: "nofile", Soft: 10, Hard: 30000}, {Name: "core", Soft: 0, Hard: -1},
	}}).Process.Rlimits
	require.Equal(t, []specs.POSIXRlimit{
		{Type: "RLIMIT_NOFILE", Soft: 10, Hard: 20000}, {Type: "RLIMIT_CORE", Hard: 20000},
	}, got, "without CAP_SYS_RESOURCE limits are lowered to the hard limit")
	h := testHost()
	h.bounding["CAP_SYS_RESOURCE"] = true
	spec, err := build(input(vzcontract.RunConfig{Ulimits: []vzcontract.Ulimit{{Name: "core", Soft: -1, Hard: -1}}}), h)
	require.NoError(t, err)
	require.Equal(t, uint64(math.MaxUint64), spec.Process.Rlimits[0].Soft)
}

func TestMountsInProc(t *testing.T) {
	for _, tt := range []struct {
		kind             vzcontract.MountType
		source, at, fail string
	}{
		{vzcontract.MountBind, "/proc", "/proc", ""},
		{vzcontract.MountBind, "/lxcfs/meminfo", "/proc/meminfo", ""},
		{vzcontract.MountVolume, "/v", "/process", ""},
		{vzcontract.MountVolume, "/v", "/proc", "mount target /proc: "},
		{vzcontract.MountBind, "/tmp", "/proc", "mount target /proc: "},
		{vzcontract.MountVolume, "/v", "/proc/self", "mount target /proc/self: "},
	} {
		in := input(vzcontract.RunConfig{})
		in.Binds = []engine.ResolvedMount{{Mount: vzcontract.Mount{Type: tt.kind, Target: tt.at}, HostPath: tt.source}}
		_, err := build(in, testHost())
		if tt.fail == "" {
			require.NoError(t, err, tt.at)
			continue
		}
		require.ErrorContains(t, err, tt.fail)
	}
}

func TestSysctls(t *testing.T) {
	const start, ping = "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range"
	type words = map[string]string
	sysctls := func(cfg vzcontract.RunConfig) words { return mustBuild(t, cfg).Linux.Sysctl }
	require.Equal(t, words{start: "0", ping: "0 2147483647"}, sysctls(vzcontract.RunConfig{}))
	require.Equal(t, words{"net/ipv4/ip_unprivileged_port_start": "80", ping: "1 0"},
		sysctls(vzcontract.RunConfig{Sysctls: words{"net/ipv4/ip_unprivileged_port_start": "80", ping: "1 0"}}), "what is asked for wins")
	require.Empty(t, sysctls(vzcontract.RunConfig{NetworkMode: "host"}), "it is the host's")
	in := input(vzcontract.RunConfig{NetworkMode: "container:other"})
	in.JoinNamespaces = map[specs.LinuxNamespaceType]string{specs.NetworkNamespace: "/proc/7/ns/net"}
	spec, err := build(in, testHost())
	require.NoError(t, err)
	require.Empty(t, spec.Linux.Sysctl, "it is the other's")
	h := testHost()
	h.userns = true
	spec, err = build(input(vzcontract.RunConfig{}), h)
	require.NoError(t, err)
	require.Equal(t, words{start: "0"}, spec.Linux.Sysctl, "not all groups are there")
}

func TestSeccomp(t *testing.T) {
	arches := func(argv0, profile string) []specs.Arch {
		in := input(vzcontract.RunConfig{Security: vzcontract.SecurityConfig{Seccomp: profile}})
		in.Argv = []string{argv0}
		spec, err := build(in, testHost())
		require.NoError(t, err)
		return spec.Linux.Seccomp.Architectures
	}
	require.Len(t, arches("/bin/new", ""), 1)
	require.Len(t, arches("/bin/new", "builtin"), 1)
	require.Greater(t, len(arches("/bin/old", "")), 1)
	require.Greater(t, len(arches("/bin/new", "builtin+32bit")), 1)
	custom := mustBuild(t, vzcontract.RunConfig{Security: vzcontract.SecurityConfig{
		Privileged: true, Seccomp: `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["chmod"],"action":"SCMP_ACT_ERRNO"}]}`,
	}}).Linux.Seccomp
	require.Equal(t, "chmod", custom.Syscalls[0].Names[0])
	require.Nil(t, mustBuild(t, vzcontract.RunConfig{Security: vzcontract.SecurityConfig{Seccomp: "unconfined"}}).Linux.Seccomp)
}

func TestNamespaces(t *testing.T) {
	in := input(vzcontract.RunConfig{
		NetworkMode: "host",
		Namespaces:  vzcontract.NamespaceConfig{PID: "container:a", IPC: "container:a", UTS: "host", Cgroup: "host"},
	})
	in.JoinNamespaces = map[specs.LinuxNamespaceType]string{
		specs.PIDNamespace: "/proc/7/ns/pid", specs.IPCNamespace: "/proc/7/ns/ipc",
	}
	spec, err := build(in, testHost())
	require.NoError(t, err)
	require.Equal(t, []specs.LinuxNamespace{
		{Type: specs.PIDNamespace, Path: "/proc/7/ns/pid"},
		{Type: specs.IPCNamespace, Path: "/proc/7/ns/ipc"},
		{Type: specs.MountNamespace},
	}, spec.Linux.Namespaces)
	require.Empty(t, spec.Hostname)
	require.Contains(t, spec.Process.Env, "HOSTNAME=machine")
	require.Equal(t, "/proc/7/root/dev/shm", mountAt(t, spec, "/dev/shm").Source)
	in.JoinNamespaces = nil
	_, err = build(in, testHost())
	require.ErrorContains(t, err, "not looked up")

	require.Equal(t, "machine", mustBuild(t, vzcontract.RunConfig{NetworkMode: "host"}).Hostname)
	hostIPC := mustBuild(t, vzcontract.RunConfig{Namespaces: vzcontract.NamespaceConfig{IPC: "host"}})
	require.Equal(t, "/dev/shm", mountAt(t, hostIPC, "/dev/shm").Source)
}

func mountAt(t *testing.T, spec *specs.Spec, target string) specs.Mount {
	t.Helper()
	for _, m := range spec.Mounts {
		if m.Destination == target {
			return m
		}
	}
	t.Fatalf("nothing is mounted at %s", target)
	return specs.Mount{}
}

func TestMounts(t *testing.T) {
	in := input(vzcontract.RunConfig{ShmSize: 1 << 20, Mounts: []vzcontract.Mount{
		{Type: vzcontract.MountTmpfs, Target: "/run", TmpfsSize: 4096, TmpfsOptions: []string{"exec", "mode=755"}},
	}})
	in.Binds = []engine.ResolvedMount{
		{Mount: vzcontract.Mount{Type: vzcontract.MountBind, Target: "/a/b/"}, HostPath: "/src"},
		{Mount: vzcontract.Mount{Type: vzcontract.MountVolume, Target: "/a", ReadOnly: true}, HostPath: "/vol"},
		{Mount: vzcontract.Mount{Type: vzcontract.MountBind, Target: "/c", NonRecursive: true, ReadOnly: true, Propagation: "rslave"}, SourceFD: 9},
	}
	spec, err := build(in, testHost())
	require.NoError(t, err)
	user := spec.Mounts[len(spec.Mounts)-4:]
	require.Equal(t, []specs.Mount{
		{Destination: "/a", Type: "bind", Source: "/vol", Options: []string{"rbind", "rprivate", "ro", "rro"}},
		{Destination: "/c", Type: "bind", Source: "/proc/self/fd/9", Options: []string{"bind", "rslave", "ro"}},
		{Destination: "/run", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "exec", "mode=755", "size=4096"}},
		{Destination: "/a/b", Type: "bind", Source: "/src", Options: []string{"rbind", "rprivate", "rw"}},
	}, user)
	require.Equal(t, "rslave", spec.Linux.RootfsPropagation)
	require.Contains(t, mountAt(t, spec, "/dev/shm").Options, "size=1048576")

	in.Binds = []engine.ResolvedMount{{Mount: vzcontract.Mount{Type: vzcontract.MountBind, Target: "/dev"}, HostPath: "/dev"}}
	spec, err = build(in, testHost())
	require.NoError(t, err)
	require.Equal(t, "/dev", mountAt(t, spec, "/dev").Source)
	for _, m := range spec.Mounts {
		require.NotEqual(t, "/dev/shm", m.Destination, "a bind of /dev brings its own")
	}
}

func TestDevices(t *testing.T) {
	l := mustBuild(t, vzcontract.RunConfig{
		Devices:     []vzcontract.Device{{HostPath: "/dev/loop1", ContainerPath: "/dev/x", Permissions: "r"}, {HostPath: "/dev/dir", ContainerPath: "/dev/y"}},
		DeviceRules: []string{"c 10:* rw"},
	}).Linux
	require.Equal(t, "/dev/x", l.Devices[0].Path)
	require.Equal(t, "/dev/y/a", l.Devices[1].Path)
	rules := l.Resources.Devices
	require.False(t, rules[0].Allow)
	require.Equal(t, rule("b", 7, 1, "r"), rules[len(rules)-3])
	require.Equal(t, rule("c", 10, -1, "rw"), rules[len(rules)-1])
}

func TestUnmask(t *testing.T) {
	l := mustBuild(t, vzcontract.RunConfig{Security: vzcontract.SecurityConfig{UnmaskPaths: []string{"/proc/k*", "/proc/sys"}}}).Linux
	require.NotContains(t, l.MaskedPaths, "/proc/kcore")
	require.Contains(t, l.MaskedPaths, "/proc/acpi")
	require.NotContains(t, l.ReadonlyPaths, "/proc/sys")
	l = mustBuild(t, vzcontract.RunConfig{Security: vzcontract.SecurityConfig{UnmaskPaths: []string{"ALL"}}}).Linux
	require.Empty(t, l.MaskedPaths)
	require.Empty(t, l.ReadonlyPaths)
	require.Contains(t, readonlyPaths, "/proc/sys", "the defaults are shared and stay")

	masked, readonly, err := Paths(vzcontract.SecurityConfig{UnmaskPaths: []string{"/proc/keys"}})
	require.NoError(t, err)
	require.Contains(t, masked, "/proc/kcore")
	require.NotContains(t, masked, "/proc/keys")
	require.Equal(t, readonlyPaths, readonly)
	masked, readonly, err = Paths(vzcontract.SecurityConfig{Privileged: true})
	require.NoError(t, err)
	require.Empty(t, slices.Concat(masked, readonly))
}

func TestResources(t *testing.T) {
	r := mustBuild(t, vzcontract.RunConfig{Resources: vzcontract.Resources{
		NanoCPUs: 15e8, Memory: 64 << 20, PidsLimit: 20, CpusetCPUs: "0-1",
		ReadBps: []vzcontract.ThrottleDevice{{Path: "/dev/sdb", Rate: 100}},
	}}).Linux.Resources
	require.Equal(t, int64(150000), *r.CPU.Quota)
	require.Equal(t, uint64(100000), *r.CPU.Period)
	require.Equal(t, "0-1", r.CPU.Cpus)
	require.Equal(t, int64(128<<20), *r.Memory.Swap)
	require.Equal(t, int64(20), *r.Pids.Limit)
	require.Equal(t, int64(16), r.BlockIO.ThrottleReadBpsDevice[0].Minor)
}

func TestEmptyHome(t *testing.T) {
	in := input(vzcontract.RunConfig{})
	in.Env = []string{"HOME=", "A=1"}
	spec, err := build(in, testHost())
	require.NoError(t, err)
	require.Equal(t, []string{"PATH=" + defaultPath, "HOSTNAME=0123456789ab", "A=1", "HOME=/root"}, spec.Process.Env)
}

func TestExec(t *testing.T) {
	spec := mustBuild(t, vzcontract.RunConfig{})
	p, err := execProcess(spec, "/proc/1/root", vzcontract.ExecConfig{
		Args: []string{"id"}, User: "app", Env: []string{"A=2", "B=3"}, WorkingDir: "/w/../x", TTY: true,
		Size: vzcontract.TermSize{Rows: 3, Cols: 4}, Privileged: true,
	}, testHost())
	require.NoError(t, err)
	require.Equal(t, uint32(33), p.User.UID)
	require.Equal(t, "/x", p.Cwd)
	require.Equal(t, []string{"TERM=xterm", "PATH=" + defaultPath, "HOSTNAME=0123456789ab", "A=2", "HOME=/app", "B=3"}, p.Env)
	require.Equal(t, uint(3), p.ConsoleSize.Height)
	require.Contains(t, p.Capabilities.Bounding, "CAP_SYS_ADMIN")
	require.NotContains(t, spec.Process.Env, "B=3")
	p, err = execProcess(mustBuild(t, vzcontract.RunConfig{TTY: true}), "/proc/1/root", vzcontract.ExecConfig{Args: []string{"id"}}, testHost())
	require.NoError(t, err)
	require.NotContains(t, p.Env, "TERM=xterm", "it has no terminal")
	_, err = execProcess(spec, "/", vzcontract.ExecConfig{}, testHost())
	require.ErrorIs(t, err, vzcontract.ErrValidation)
}
