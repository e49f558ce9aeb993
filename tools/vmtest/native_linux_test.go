package vmtest

import (
	"bytes"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/tools/internal/workspace"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// native are packages of vzlinuxnative whose tests run in a guest: those that meet
// cgroups, which are of version 2 there, and the kernel. Those that are not in quick
// run with VZ_VMTEST=all.
var (
	native = []string{"./internal/cgroup", "./internal/rootfs", "./internal/engine/direct"}
	quick  = []string{"./internal/cgroup", "./internal/rootfs"}
)

// TestNativeInGuest runs tests of the native backend in a guest whose root is the
// host's, seen through an overlay: its programs are there, nothing of it changes.
func TestNativeInGuest(t *testing.T) {
	needContainers(t)
	needTime(t, 8*time.Minute)
	if _, err := exec.LookPath("gcc"); err != nil {
		need(t, err.Error())
	}
	root, err := workspace.Find(".")
	require.NoError(t, err)
	tests := t.TempDir()
	cfg := Config(t, "x86_64")
	cfg.Memory = 2 * config.GiB
	cfg.Shares = []config.Share{{Tag: "root", Entries: []config.Entry{
		{Name: "host", Source: "/", ReadOnly: true}, {Name: "tests", Source: tests, ReadOnly: true},
	}}}
	g := Start(t, "x86_64", cfg)
	g.chroot(t)
	for _, name := range native {
		t.Run(path.Base(name), func(t *testing.T) {
			if !slices.Contains(quick, name) && !everything() {
				t.Skip("takes minutes; VZ_VMTEST=all runs it")
			}
			program := filepath.Join(tests, path.Base(name)+".test")
			cmd := exec.Command("go", "test", "-c", "-tags=netgo,osusergo,seccomp", "-o", program, name)
			cmd.Dir = filepath.Join(root, "vzlinuxnative")
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
			line := "cd /tmp && exec /mnt/tests/" + filepath.Base(program) + " -test.v -test.timeout 5m"
			var text bytes.Buffer
			status, err := g.Agent.Run(t.Context(), vzlinux.Command{
				Args: []string{"/mnt/share/host" + busybox, "unshare", "-m", "/mnt/share/host" + busybox, "sh", "-c", busyboxAll + pivot + "/bin/sh -c '" + line + "'"},
				Env:  []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TMPDIR=/tmp"}, Stdout: &text, Stderr: &text,
			})
			require.NoError(t, err)
			passed := strings.Count(text.String(), "\n--- PASS")
			if status.Code != 0 || passed == 0 {
				t.Errorf("exit %d\n%s", status.Code, text.String())
			}
			t.Logf("%d passed, %d skipped", passed, strings.Count(text.String(), "--- SKIP"))
		})
	}
}

// chroot makes /mnt/root in the guest: the host's root below memory, and what a
// running system has.
func (g *Guest) chroot(t *testing.T) {
	t.Helper()
	mount := agentproto.MountRequest{Kind: g.ShareKind("root"), Tag: "root", Path: "/mnt/share"}
	require.NoError(t, g.Agent.Call(t.Context(), agentproto.MethodMount, mount, nil))
	const script = `set -e
mkdir -p /mnt/upper /mnt/root
mount -t tmpfs upper /mnt/upper
mkdir /mnt/upper/u /mnt/upper/w
mount -t overlay -o lowerdir=/mnt/share/host,upperdir=/mnt/upper/u,workdir=/mnt/upper/w vz /mnt/root
cd /mnt/root
mkdir -p run tmp mnt proc sys dev
mount -t proc proc proc
mount -t sysfs sys sys
mount -t cgroup2 cgroup sys/fs/cgroup
mount -t securityfs sec sys/kernel/security || true
mount --rbind /dev dev
mount -t tmpfs run run
mount -t tmpfs tmp tmp
chmod 1777 tmp
mount -t tmpfs mnt mnt
mkdir mnt/tests
mount --bind /mnt/share/tests mnt/tests`
	var out bytes.Buffer
	status, err := g.Agent.Run(t.Context(), vzlinux.Command{
		Args: []string{"/mnt/share/host" + busybox, "sh", "-c", busyboxAll + script}, Stdout: &out, Stderr: &out,
	})
	require.NoError(t, err)
	require.Zero(t, status.Code, out.String())
}

// pivot makes /mnt/root the root of the mount namespace: in a mere chroot other
// namespaces could not be entered.
const pivot = `set -e
cd /mnt/root
mkdir -p mnt/old
pivot_root . mnt/old
exec /bin/busybox chroot . `

// busyboxAll has a shell of busybox run its other programs.
const busyboxAll = "for p in mkdir mount chmod pivot_root; do alias $p=\"/mnt/share/host" + busybox + " $p\"; done\n"
