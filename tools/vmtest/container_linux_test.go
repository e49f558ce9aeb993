package vmtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/tools/internal/workspace"
	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/qemu"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/container"
	"vz.internal/vzlinuxnative"
	"vz.internal/vzlinuxnative/network"
	joint "vz.internal/vzlinuxnative/network/machine"
	"vz.internal/vzoci/vmbackend"
	"vz.internal/vzoci/vmbackend/owner"
)

const busybox = "/bin/busybox"

// needContainers skips a test that this host cannot run containers in machines for.
func needContainers(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		need(t, "only root can share several directories with a guest")
	}
	for _, path := range []string{busybox, "/usr/sbin/mke2fs"} {
		if _, err := os.Stat(path); err != nil {
			need(t, err.Error()+" (packages busybox-static and e2fsprogs)")
		}
	}
}

// busyboxOf returns a busybox that guests of arch can run.
func busyboxOf(t *testing.T, arch string) string {
	t.Helper()
	if arch == qemu.HostArch() {
		return busybox
	}
	root, err := workspace.Find(".")
	require.NoError(t, err)
	var stderr strings.Builder
	cmd := exec.Command(filepath.Join(root, "tools", "sh", "sysroot.sh"), goarch[arch])
	cmd.Stderr = &stderr
	dir, err := cmd.Output()
	if err != nil {
		need(t, "there is no busybox for "+arch+": "+stderr.String())
	}
	return filepath.Join(strings.TrimSpace(string(dir)), "bin", "busybox")
}

// everything tells whether tests that take long are wanted.
func everything() bool { return os.Getenv("VZ_VMTEST") == "all" }

// needEverything skips a test for the architecture that is not the host's, if what
// takes long is not wanted.
func needEverything(t *testing.T, arch string) {
	t.Helper()
	if arch != qemu.HostArch() && !everything() {
		t.Skip("takes minutes for " + arch + " too; VZ_VMTEST=all runs it")
	}
}

// needTime skips a test that might not end before the limit of go test -timeout: on a
// busy host a guest without KVM may take many times what it takes on a quiet one.
func needTime(t *testing.T, enough time.Duration) {
	t.Helper()
	if limit, ok := t.Deadline(); ok && time.Until(limit) < enough {
		t.Skipf("needs %v before the time limit of the test program; -timeout gives it", enough)
	}
}

// Containers returns a backend whose machines are run by goroutines of the test, and
// join networks of the test's own on this host. They have ended when the test has.
func Containers(t *testing.T, arch string) *vmbackend.Backend {
	t.Helper()
	b, err := vmbackend.Open(containerOptions(t, arch, time.Second))
	require.NoError(t, err)
	return b
}

// containerOptions are those of a backend whose machines end when nobody has used them
// for that long, or with the test.
func containerOptions(t *testing.T, arch string, idle time.Duration) vmbackend.Options {
	t.Helper()
	needContainers(t)
	driver, bundle := Driver(t, arch), Bundle(t, arch)
	run, err := os.MkdirTemp("", "vz") // a socket's path must be short
	require.NoError(t, err)
	home := t.TempDir()
	life, end := context.WithCancel(context.Background())
	nets := network.Open(network.Below(home, run))
	var users *vmbackend.Backend // says which containers have a volume
	native, err := vzlinuxnative.Open(vzlinuxnative.Options{
		Home: home, Run: run, VolumeUsers: func(volume string) ([]string, error) { return users.VolumeUsers(volume) },
	})
	require.NoError(t, err)
	var owners sync.WaitGroup
	launch := func(ctx context.Context, machine string) error {
		ready := make(chan error, 1)
		owners.Go(func() {
			err := owner.Run(life, owner.Options{
				Home: home, Run: run, Machine: machine, Driver: driver, Arch: arch, Ready: func() { ready <- nil }, Idle: idle,
				Wire: func() owner.Wiring { return joint.New(nets) },
			})
			ready <- err
			if err != nil && t.Failed() {
				console, _ := os.ReadFile(filepath.Join(home, "guests", machine, "console.log"))
				t.Logf("machine %s: %v\n%s", machine, err, console)
			}
		})
		select {
		case err := <-ready:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	t.Cleanup(func() {
		end()
		owners.Wait()
		require.NoError(t, os.RemoveAll(run))
	})
	opts := vmbackend.Options{
		Home: home, Run: run, Launch: launch, Bundle: bundle.Dir, Networks: native, Volumes: native, NoNetworks: joint.Available(),
	}
	users, err = vmbackend.Open(opts)
	require.NoError(t, err)
	return opts
}

// own are checks of what lies between a guest and its host. All others say the same
// of every guest: TestSharedConformance runs them in one that is booted once, and
// vmbackend's own test with simulated machines.
var own = []string{
	"lifecycle", "mount-bind", "mount-bind-file", "add-mount", "add-mount-stays", "remove-mount-in-use", "volume-shared",
	"events-live", "remove-while-waiting", "network-crud", "network-own", "network-connect", "network-ports", "network-egress",
	"checkpoint-files", "checkpoint-invalid", "dial", "watch-recursive", "limit-disk",
}

// TestContainerConformance runs the suite of all backends, each container in a
// machine of its own. With VZ_VMTEST=all it leaves nothing out; a boot takes seconds
// without KVM, and there are some hundreds.
func TestContainerConformance(t *testing.T) { each(t, testContainerConformance) }

func testContainerConformance(t *testing.T, arch string) {
	needEverything(t, arch)
	needContainers(t)
	needTime(t, 8*time.Minute)
	skip := map[string]string{"shared-vm": anotherMachine, "shared-vm-containers": anotherMachine}
	for _, name := range conformance.Names() {
		if skip[name] == "" && !slices.Contains(own, name) && !everything() {
			skip[name] = "other tests run it; VZ_VMTEST=all runs it here too"
		}
	}
	root := conformance.BusyboxRoot(t, busyboxOf(t, arch))
	conformance.TestBackend(t, conformance.Config{
		New:     func(t *testing.T) vzcontract.RuntimeBackend { return Containers(t, arch) },
		Rootfs:  func(*testing.T) string { return root },
		Skip:    skip,
		Timeout: 10 * time.Minute,
	})
}

// TestSharedConformance runs the suite with all containers in one guest, where
// cgroups are those of version 2 and the kernel is vz's own. The suite's directories
// are at the same places in the guest.
func TestSharedConformance(t *testing.T) { each(t, testSharedConformance) }

func testSharedConformance(t *testing.T, arch string) {
	needEverything(t, arch)
	needContainers(t)
	needTime(t, 10*time.Minute)
	base, err := os.MkdirTemp("", "vmtest-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(base)) })
	t.Setenv("TMPDIR", base)
	root := conformance.BusyboxRoot(t, busyboxOf(t, arch))
	cfg := Config(t, arch)
	cfg.Memory = 1 << 30
	cfg.Shares = []config.Share{{Tag: "base", Source: base, Trusted: true}}
	g := Start(t, arch, cfg)
	mount := agentproto.MountRequest{Kind: g.ShareKind("base"), Tag: "base", Path: base}
	require.NoError(t, g.Agent.Call(t.Context(), agentproto.MethodMount, mount, nil))
	require.NoError(t, g.Agent.SetClock(t.Context()))
	has, err := container.Ask(t.Context(), g.Agent)
	require.NoError(t, err)
	conformance.TestBackend(t, conformance.Config{
		New: func(*testing.T) vzcontract.RuntimeBackend {
			return container.New(g.Agent, container.Options{Capabilities: has})
		},
		Rootfs:  func(*testing.T) string { return root },
		Timeout: 5 * time.Minute,
	})
}
