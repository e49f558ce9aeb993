//go:build linux

package ocispec

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/program"
	"vz.internal/vzlinuxnative/internal/userdb"
)

var update = flag.Bool("update", false, "rewrite golden files")

// testHost is a machine with everything but the right to raise limits.
func testHost() host {
	known := append(slices.Clone(defaultCapabilities), "CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_SYS_RESOURCE")
	h := host{
		hasUser:  func(uint32) bool { return true },
		hasGroup: func(uint32) bool { return true },
		hostname: "machine", known: known, bounding: map[string]bool{}, rroMounts: true,
		hardLimit:    func(int) (uint64, error) { return 20000, nil },
		throttlePath: func() []string { return nil },
		cgroup: cgroup.Host{
			Mode: cgroup.V1, Controllers: func() []string { return []string{"blkio", "cpu", "cpuset", "memory", "pids"} },
			HasFile:   func(_, file string) bool { return file != "blkio.weight" && file != "blkio.bfq.weight" },
			Available: func(kind string) string { return map[string]string{"cpus": "0-2,5", "mems": "0"}[kind] },
			Device:    func(string) (int64, int64, error) { return 8, 16, nil },
		},
		appArmor: appArmorHost{enabled: func() bool { return false }},
		lookupUser: func(_, user string, _ []string) (userdb.User, error) {
			if user == "app" {
				return userdb.User{UID: 33, GID: 34, Groups: []uint32{5}, Home: "/app"}, nil
			}
			return userdb.User{Home: "/root"}, nil
		},
		findProgram: func(q program.Query) (program.Kind, error) {
			if q.Name == "/bin/old" {
				return program.Compat, nil
			}
			return program.Native, nil
		},
		device: func(path string) ([]device, error) {
			if path == "/dev/dir" {
				return []device{{path: "/dev/dir/a", kind: "c", major: 9, minor: 1, mode: 0o600}}, nil
			}
			return []device{{path: path, kind: "b", major: 7, minor: 1, mode: 0o660, gid: 6}}, nil
		},
		isProc:     func(path string) bool { return path == "/proc" },
		allDevices: func() ([]device, error) { return []device{{path: "/dev/sda", kind: "b", major: 8}}, nil },
	}
	for _, c := range known {
		h.bounding[c] = c != "CAP_SYS_RESOURCE"
	}
	return h
}

func input(cfg vzcontract.RunConfig) engine.SpecInput {
	return engine.SpecInput{
		ID: "0123456789abcdef", Config: cfg, Argv: []string{"/bin/sh", "-c", "true"}, Env: []string{"A=1"},
		RootPath: "/root", CgroupsPath: "/vz/0123456789abcdef",
	}
}

func TestGolden(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  vzcontract.RunConfig
	}{
		{"default", vzcontract.RunConfig{}},
		{"privileged", vzcontract.RunConfig{Security: vzcontract.SecurityConfig{Privileged: true}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec, err := build(input(tt.cfg), testHost())
			require.NoError(t, err)
			if spec.Linux.Seccomp != nil {
				require.Greater(t, len(spec.Linux.Seccomp.Syscalls), 10)
				spec.Linux.Seccomp.Syscalls = nil // the library's, and long
			}
			got, err := json.MarshalIndent(spec, "", "\t")
			require.NoError(t, err)
			file := filepath.Join("testdata", tt.name+".json")
			if *update {
				require.NoError(t, os.WriteFile(file, append(got, '\n'), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			if d := cmp.Diff(string(want), string(got)+"\n"); d != "" {
				t.Error(d)
			}
		})
	}
}

// mustBuild returns the spec of cfg on the test's host.
func mustBuild(t *testing.T, cfg vzcontract.RunConfig) *specs.Spec {
	t.Helper()
	spec, err := build(input(cfg), testHost())
	require.NoError(t, err)
	return spec
}

func TestRefused(t *testing.T) {
	adj, low, much := 2000, -1, uint64(101)
	type config = vzcontract.RunConfig
	sec := func(s vzcontract.SecurityConfig) config { return config{Security: s} }
	res := func(r vzcontract.Resources) config { return config{Resources: r} }
	tests := []struct {
		cfg   config
		err   string
		class error
	}{
		{sec(vzcontract.SecurityConfig{CapAdd: []string{"FLY"}}), `capability "FLY" is unknown`, vzcontract.ErrValidation},
		{sec(vzcontract.SecurityConfig{CapDrop: []string{"cap_fly"}}), `capability "cap_fly" is unknown`, vzcontract.ErrValidation},
		{sec(vzcontract.SecurityConfig{CapAdd: []string{"sys_resource"}}), "CAP_SYS_RESOURCE: vz itself does not have it", vzcontract.ErrDenied},
		{sec(vzcontract.SecurityConfig{Seccomp: "no.json"}), "not JSON", vzcontract.ErrValidation},
		{sec(vzcontract.SecurityConfig{Seccomp: `{"syscalls":[{"name":"a","names":["b"],"action":"SCMP_ACT_ALLOW"}],"defaultAction":"x"}`}), "seccomp profile", vzcontract.ErrValidation},
		{sec(vzcontract.SecurityConfig{AppArmor: "mine"}), "no AppArmor", vzcontract.ErrUnsupported},
		{sec(vzcontract.SecurityConfig{SELinux: []string{"disable", "type:x"}}), "label=type:x: SELinux", vzcontract.ErrUnsupported},
		{sec(vzcontract.SecurityConfig{UnmaskPaths: []string{"proc"}}), "absolute", vzcontract.ErrValidation},
		{config{Ulimits: []vzcontract.Ulimit{{Name: "files"}}}, `ulimit "files" is unknown`, vzcontract.ErrValidation},
		{config{Ulimits: []vzcontract.Ulimit{{Name: "nofile", Soft: 2, Hard: 1}}}, "above the hard limit", vzcontract.ErrValidation},
		{config{Ulimits: []vzcontract.Ulimit{{Name: "nofile", Soft: -2, Hard: 1}}}, "negative", vzcontract.ErrValidation},
		{config{Sysctls: map[string]string{"vm.swappiness": "1"}}, "would change the host", vzcontract.ErrValidation},
		{config{Sysctls: map[string]string{"net.ipv4.ip_forward": "1"}, NetworkMode: "host"}, "shares the host's network", vzcontract.ErrValidation},
		{config{Sysctls: map[string]string{"net/../vm": "1"}}, "not a name", vzcontract.ErrValidation},
		{config{Sysctls: map[string]string{"kernel.hostname": "x"}}, "use --hostname", vzcontract.ErrValidation},
		{config{Hostname: "x", Namespaces: vzcontract.NamespaceConfig{UTS: "host"}}, "hostname cannot be set", vzcontract.ErrValidation},
		{config{Namespaces: vzcontract.NamespaceConfig{User: "auto"}}, "user namespace", vzcontract.ErrUnsupported},
		{config{Namespaces: vzcontract.NamespaceConfig{PID: "hots"}}, `pid namespace "hots"`, vzcontract.ErrValidation},
		{config{Devices: []vzcontract.Device{{HostPath: "/dev/x", Permissions: "rx"}}}, "permissions", vzcontract.ErrValidation},
		{config{DeviceRules: []string{"c 1 rwm"}}, "device rule", vzcontract.ErrValidation},
		{config{ShmSize: -1}, "/dev/shm", vzcontract.ErrValidation},
		{config{Mounts: []vzcontract.Mount{{Type: vzcontract.MountTmpfs, Target: "/t", TmpfsOptions: []string{"lowerdir=/"}}}}, "unknown", vzcontract.ErrValidation},
		{config{Mounts: []vzcontract.Mount{{Type: vzcontract.MountTmpfs, Target: "t"}}}, "absolute", vzcontract.ErrValidation},
		{config{Mounts: []vzcontract.Mount{{Type: vzcontract.MountTmpfs, Target: "/proc//sys"}}}, "mount target /proc/sys: nothing can be mounted in /proc", vzcontract.ErrValidation},
		{res(vzcontract.Resources{OOMScoreAdj: &adj}), "-1000 to 1000", vzcontract.ErrValidation},
		{res(vzcontract.Resources{OOMScoreAdj: &low}), "CAP_SYS_RESOURCE", vzcontract.ErrDenied},
		{res(vzcontract.Resources{Memory: 1 << 20}), "at least 6 MiB", vzcontract.ErrValidation},
		{res(vzcontract.Resources{Memory: 8 << 20, MemorySwap: 7 << 20}), "below the memory limit", vzcontract.ErrValidation},
		{res(vzcontract.Resources{MemorySwap: 7 << 20}), "set memory too", vzcontract.ErrValidation},
		{res(vzcontract.Resources{MemorySwappiness: &much}), "0 to 100", vzcontract.ErrValidation},
		{res(vzcontract.Resources{NanoCPUs: 1e9, CPUQuota: 1000}), "exclude each other", vzcontract.ErrValidation},
		{res(vzcontract.Resources{NanoCPUs: 1}), "at least 0.01", vzcontract.ErrValidation},
		{res(vzcontract.Resources{CPUPeriod: 1}), "cpu period", vzcontract.ErrValidation},
		{res(vzcontract.Resources{NanoCPUs: 4e9 + 1}), "this host has 4; give 0.01 to 4", vzcontract.ErrValidation},
		{res(vzcontract.Resources{CpusetCPUs: "a"}), "cpuset cpus", vzcontract.ErrValidation},
		{res(vzcontract.Resources{CpusetCPUs: "3-1"}), "give a list", vzcontract.ErrValidation},
		{res(vzcontract.Resources{CpusetCPUs: "0-99999999"}), "give a list", vzcontract.ErrValidation},
		{res(vzcontract.Resources{CpusetCPUs: "1,3-6,2"}), "this host has no processor 3-4,6; available are 0-2,5", vzcontract.ErrValidation},
		{res(vzcontract.Resources{CpusetMems: "1"}), "this host has no memory node 1; available are 0", vzcontract.ErrValidation},
		{res(vzcontract.Resources{PidsLimit: -2}), "pids limit", vzcontract.ErrValidation},
		{res(vzcontract.Resources{BlkioWeight: 5}), "10 to 1000", vzcontract.ErrValidation},
		{res(vzcontract.Resources{BlkioWeight: 500}), "no blkio.weight", vzcontract.ErrUnsupported},
	}
	for _, tt := range tests {
		t.Run(tt.err, func(t *testing.T) {
			_, err := build(input(tt.cfg), testHost())
			require.ErrorContains(t, err, tt.err)
			require.ErrorIs(t, err, tt.class)
		})
	}
	in := input(config{})
	in.Argv = nil
	_, err := build(in, testHost())
	require.ErrorContains(t, err, "no program to run")
	in = input(config{})
	in.Env = []string{"A=\x00"}
	_, err = build(in, testHost())
	require.ErrorContains(t, err, "NUL")
}
