package vmtest

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/tools/internal/workspace"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux"
)

// delegated makes a cgroup that user 61234 may do with as that user pleases, as systemd
// makes one, and goes into it.
const delegated = `set -e
cd /sys/fs/cgroup
mkdir -p users/own/shell
for at in . users; do echo "+cpu +memory +pids" > $at/cgroup.subtree_control; done
for at in users/own users/own/shell; do
	chown 61234 $at $at/cgroup.procs $at/cgroup.subtree_control $at/cgroup.threads
done
echo $$ > users/own/shell/cgroup.procs
mkdir -p /tmp/etc /tmp/u
for f in passwd group; do echo root:x:0:0::/root:/bin/sh > /tmp/etc/$f; done
echo u:x:61234:61234::/tmp/u:/bin/sh >> /tmp/etc/passwd
echo u:x:61234: >> /tmp/etc/group
for f in subuid subgid; do echo u:3000000:65536 > /tmp/etc/$f; done
for f in passwd group subuid subgid; do mount --bind /tmp/etc/$f /etc/$f; done
chown 61234 /tmp/u
cd /tmp/u
exec setpriv --reuid 61234 --regid 61234 --clear-groups env HOME=/tmp/u PATH=/mnt/tests:/usr/sbin:/usr/bin:/sbin:/bin sh -c "$RUN"
`

// TestRootlessCgroups: with a cgroup of version 2 that was given to the user, containers
// of an ordinary user have limits, can be paused and measured. In another one they have
// none, and the refusal says which.
func TestRootlessCgroups(t *testing.T) {
	needContainers(t)
	needTime(t, 8*time.Minute)
	for _, program := range []string{"gcc", "newuidmap", "newgidmap", "setpriv"} {
		if _, err := exec.LookPath(program); err != nil {
			need(t, err.Error())
		}
	}
	root, err := workspace.Find(".")
	require.NoError(t, err)
	programs := t.TempDir()
	for dir, names := range map[string][]string{"vzcli": {"./cmd/vz", "./cmd/vz-box"}, "vzlinuxnative": {"./cmd/vz-monitor"}} {
		for _, name := range names {
			cmd := exec.Command("go", "build", "-tags=netgo,osusergo,seccomp", "-o", filepath.Join(programs, filepath.Base(name)), name)
			cmd.Dir = filepath.Join(root, dir)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
		}
	}
	cfg := Config(t, "x86_64")
	cfg.Memory = 2 * config.GiB
	cfg.Shares = []config.Share{{Tag: "root", Entries: []config.Entry{
		{Name: "host", Source: "/", ReadOnly: true}, {Name: "tests", Source: programs, ReadOnly: true},
	}}}
	g := Start(t, "x86_64", cfg)
	g.chroot(t)
	run := func(script, line string) string {
		t.Helper()
		var text bytes.Buffer
		status, err := g.Agent.Run(t.Context(), vzlinux.Command{
			Args: []string{"/mnt/share/host" + busybox, "unshare", "-m", "/mnt/share/host" + busybox, "sh", "-c", busyboxAll + pivot + `/bin/sh -c "$SCRIPT"`},
			Env:  []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "SCRIPT=" + script, "RUN=" + line}, Stdout: &text, Stderr: &text,
		})
		require.NoError(t, err)
		t.Logf("%s: exit %d\n%s", line, status.Code, text.String())
		return text.String()
	}
	const vz = "vz run -d --name a --network none "
	out := run(delegated, vz+`--memory 64m --pids-limit 50 --cpus 0.5 vz:builtin sleep 1000 &&
		vz exec a cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max &&
		vz pause a && vz ps --format '{{.Status}}' && vz unpause a &&
		vz stats --no-stream --format 'limit {{.MemUsage}} pids {{.PIDs}}' a &&
		vz update --memory 96m --memory-swap 192m a && vz exec a cat /sys/fs/cgroup/memory.max &&
		vz rm -f a && echo gone; vz doctor | grep cgroups; find /sys/fs/cgroup/users/own -name '[0-9a-f]*' -type d | grep vz/; echo end`)
	for _, want := range []string{"67108864\n50\n50000 100000\n", "(Paused)", "/ 64MiB pids ", "100663296\n", "gone\n", "version 2, below /users/own"} {
		require.Contains(t, out, want)
	}
	require.NotContains(t, out, "/sys/fs/cgroup/users/own/vz/", "a container's cgroup is left")
	out = run(strings.Replace(delegated, "echo $$ > users/own/shell/cgroup.procs", "mkdir -p other; echo $$ > other/cgroup.procs", 1),
		"vz run --rm --network none --memory 64m vz:builtin true; vz run --rm --network none vz:builtin echo without")
	require.Contains(t, out, "cgroup /other was not given to this user")
	require.Contains(t, out, "without\n")
}
