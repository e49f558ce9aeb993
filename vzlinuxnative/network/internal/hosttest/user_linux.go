package hosttest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"vz.internal/vzlinuxnative/internal/testreq"
)

const (
	userVariable = "VZ_TEST_USER"
	nobody       = 65534
)

// EnterUser is Enter for a test of an ordinary user's: it runs in a process of one, as
// root of a user and a mount namespace of its own, in the network namespace of the test's
// host, which it may not change. What the host has, such as the outside world, prepare
// makes before, as real root.
func EnterUser(t testing.TB, prepare func()) bool {
	t.Helper()
	if os.Getenv(userVariable) == t.Name() {
		return true
	}
	testreq.UserNS(t)
	if !Enter(t) {
		return false
	}
	runtime.LockOSThread() // its mounts are its own, and Pdeathsig is its
	defer runtime.UnlockOSThread()
	everybodysTun(t)
	prepare()
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	// The program lies where only root gets by its path.
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run="+pattern(t.Name()), "-test.v")
	cmd.Env = append(os.Environ(), userVariable+"="+t.Name(), "TMPDIR="+dir, "HOME="+dir)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: nobody, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: nobody, Size: 1}},
		Credential:  &syscall.Credential{NoSetGroups: true},
		Pdeathsig:   syscall.SIGKILL,
	}
	cmd.WaitDelay = time.Minute // for what the test has started
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("as an ordinary user: %v\n%s", err, out)
	}
	t.Logf("%s", out)
	return false
}

// everybodysTun makes /dev/net/tun one that every user may open, as it is nearly
// everywhere, for this process and those that it starts.
func everybodysTun(t testing.TB) {
	t.Helper()
	const device = "/dev/net/tun"
	st, err := os.Stat(device)
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm()&0o006 == 0o006 {
		return
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	node := filepath.Join(dir, "tun")
	err = errors.Join(
		unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""),
		unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"),
		unix.Mknod(node, unix.S_IFCHR|0o600, int(unix.Mkdev(10, 200))), os.Chmod(node, 0o666),
		unix.Mount(node, device, "", unix.MS_BIND, ""),
		unix.Unmount(dir, unix.MNT_DETACH))
	if err != nil {
		t.Fatalf("a device %s for everybody: %v", device, err)
	}
}
