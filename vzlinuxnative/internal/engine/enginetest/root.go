//go:build linux

// Package enginetest holds the checks that every engine passes. They run real
// containers and need root.
package enginetest

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
)

// applets are the programs that Root links to busybox.
var applets = []string{
	"cat", "chmod", "echo", "false", "grep", "head", "hostname", "id", "ls", "mkdir", "mknod", "mount",
	"ps", "pwd", "readlink", "seq", "setsid", "sh", "sleep", "stat", "stty", "touch", "true", "tty", "umount", "wc",
}

// Root makes a root directory with a static busybox.
func Root(tb testing.TB) string {
	tb.Helper()
	root := tb.TempDir()
	require.NoError(tb, os.Chmod(root, 0o755))
	for _, d := range []string{"bin", "dev", "etc", "proc", "sys", "tmp"} {
		require.NoError(tb, os.Mkdir(filepath.Join(root, d), 0o755))
	}
	in, err := os.Open("/bin/busybox")
	if err != nil {
		tb.Skip("needs a static /bin/busybox (package busybox-static)")
	}
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(root, "bin/busybox"), os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(tb, err)
	_, err = io.Copy(out, in)
	require.NoError(tb, err)
	require.NoError(tb, out.Close())
	for _, a := range applets {
		require.NoError(tb, os.Symlink("busybox", filepath.Join(root, "bin", a)))
	}
	return root
}

// Spec returns a small but complete spec that runs args in root.
func Spec(root string, args ...string) *specs.Spec {
	caps := []string{"CAP_CHOWN", "CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_MKNOD"}
	return &specs.Spec{
		Version: specs.Version,
		Process: &specs.Process{
			Args: args, Cwd: "/", Env: []string{"PATH=/bin"},
			Capabilities: &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
		},
		Root:     &specs.Root{Path: root},
		Hostname: "box",
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
			{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
			{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
			{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		},
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace},
				{Type: specs.NetworkNamespace},
				{Type: specs.IPCNamespace},
				{Type: specs.UTSNamespace},
				{Type: specs.MountNamespace},
				{Type: specs.CgroupNamespace},
			},
			Resources: &specs.LinuxResources{
				Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}},
			},
			MaskedPaths:   []string{"/proc/kcore", "/proc/keys", "/sys/firmware", "/no/such/path"},
			ReadonlyPaths: []string{"/proc/sys", "/proc/irq"},
		},
	}
}
