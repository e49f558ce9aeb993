//go:build linux

package vzlinuxnative_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/testreq"
	"vz.internal/vzlinuxnative/rootless"
	_ "vz.internal/vzlinuxnative/rootless/join"
)

// rootlessVariable has the test program go into a session before its tests.
const rootlessVariable = "VZ_TEST_ROOTLESS"

// enterSession is for TestMain: it returns an error, or nil where the program is to stay
// where it is.
func enterSession() error {
	if _, in := rootless.User(); in || os.Getenv(rootlessVariable) == "" {
		return nil
	}
	return rootless.Enter(rootless.Options{})
}

// withoutCgroups are the tests of the suite that set limits, where there can be none.
func withoutCgroups() map[string]string {
	skip := map[string]string{}
	if why := cgroup.Denied(); why != "" {
		for _, name := range []string{"config-roundtrip", "limit-memory-oom", "limit-pids", "update"} {
			skip[name] = why
		}
	}
	return skip
}

// asOrdinary runs this test program's tests of a name as somebody who is not root and has
// 65536 ids besides, in a session.
func asOrdinary(t *testing.T, tests string) {
	t.Helper()
	testreq.Root(t)
	testreq.Program(t, "unshare", "setpriv", "mount", "newuidmap", "newgidmap")
	const uid, subids = 61236, 3100000
	dir, err := os.MkdirTemp("", "vz")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	mine := filepath.Join(dir, "own")
	require.NoError(t, os.Mkdir(mine, 0o700))
	require.NoError(t, os.Chown(mine, uid, uid))
	self, err := os.Executable()
	require.NoError(t, err)
	out, err := exec.Command("install", "-m", "755", self, filepath.Join(dir, "tests")).CombinedOutput()
	require.NoError(t, err, string(out))
	for name, text := range map[string]string{
		"passwd": fmt.Sprintf("root:x:0:0::/root:/bin/sh\nsomebody:x:%d:%d::%s:/bin/sh\n", uid, uid, mine),
		"group":  fmt.Sprintf("root:x:0:\nsomebody:x:%d:\n", uid),
		"subuid": fmt.Sprintf("somebody:%d:65536\n", subids), "subgid": fmt.Sprintf("somebody:%d:65536\n", subids),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	const become = `for f in passwd group subuid subgid; do mount --bind "$0/$f" /etc/$f || exit 99; done
if [ -e /dev/net/tun ]; then mknod -m 666 "$0/tun" c 10 200 && mount --bind "$0/tun" /dev/net/tun || exit 99; fi
uid=$1; shift; cd /; exec setpriv --reuid $uid --regid $uid --clear-groups "$0/tests" "$@"`
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "-m", "--propagation", "private", "sh", "-c", become, dir, fmt.Sprint(uid),
		"-test.run=^"+tests+"$", "-test.v", "-test.timeout=15m")
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + mine, "VZ_RUN=" + mine, "TMPDIR=" + mine, rootlessVariable + "=1", "VZ_REQUIRE=" + os.Getenv("VZ_REQUIRE")}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGQUIT) }
	cmd.WaitDelay = 10 * time.Second
	text, err := cmd.CombinedOutput()
	passed := strings.Count(string(text), "--- PASS")
	if err != nil || passed == 0 {
		t.Errorf("%v\n%s", err, text)
	}
	t.Logf("%d passed, %d skipped", passed, strings.Count(string(text), "--- SKIP"))
}

// TestRootlessConformance runs the suite that every backend passes in an ordinary user's
// session.
func TestRootlessConformance(t *testing.T) { asOrdinary(t, "TestConformance") }

// TestRootlessKilled kills vz and monitors at each step, in an ordinary user's session.
func TestRootlessKilled(t *testing.T) {
	asOrdinary(t, "(TestKilledAtEachStep|TestMonitorKilled|TestMount[A-Z].*|TestAtOnce|TestRemoveAtBegin|TestDamagedRecord)")
}
