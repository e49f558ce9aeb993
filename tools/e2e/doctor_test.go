//go:build linux

package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/need"
	"vz.internal/tools/e2e/internal/vztest"
)

// inNetwork makes cmd run in a network namespace of its own, after a script.
func inNetwork(t *testing.T, cmd *exec.Cmd, script string) *exec.Cmd {
	t.Helper()
	unshare := need.Programs(t, "unshare")
	cmd.Args = append([]string{unshare, "--net", "sh", "-c", script + ` && exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = unshare
	return cmd
}

// doctor tells what on the host stands in the way of networks, and what vz has
// set there.
func TestDoctorNetworks(t *testing.T) {
	need.Programs(t, "nft")
	h := vztest.New(t)
	image := busybox(t, "busybox")
	h.Must("pull", "-q", image)
	const off = "echo 0 > /proc/sys/net/ipv4/ip_forward"
	tests := []struct {
		name, script string
		want         []string
	}{
		{"nothing", "true", []string{"nothing on the host keeps them from the outside"}},
		{
			"a policy that drops",
			"nft 'add table ip theirs; add chain ip theirs FORWARD { type filter hook forward priority 0; policy drop; }'",
			[]string{"bridge: chain FORWARD of nftables table ip theirs drops what is forwarded", "vz network inspect bridge"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// A run comes first, so that the default network is there.
			run := vztest.Finish(inNetwork(t, h.Command("run", "--rm", "-q", image, "true"), off+" && "+tt.script))
			if run.Code != 0 {
				t.Error(run)
			}
			r := vztest.Finish(inNetwork(t, h.Command("doctor"), tt.script))
			for _, want := range append(tt.want, "changed for networks: net/ipv4/ip_forward 0 -> 1", "nothing damaged") {
				if !strings.Contains(r.Stdout, want) {
					t.Errorf("%s\nwant %q", r, want)
				}
			}
		})
	}
}
