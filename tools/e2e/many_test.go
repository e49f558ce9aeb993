//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"vz.internal/tools/e2e/internal/vztest"
)

// 50 containers started at once by 50 processes all run, with addresses of
// their own that reach each other, and leave nothing.
func TestManyAtOnce(t *testing.T) {
	const count = 50
	h := vztest.New(t)
	image := busybox(t, "busybox")
	h.Must("pull", "-q", image)
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() {
			if r := h.Do("run", "-q", "-d", "--name", fmt.Sprintf("c%d", i), image, "sleep", "1000"); r.Code != 0 {
				t.Error(r)
			}
		})
	}
	all.Wait()
	ids := h.Containers()
	if len(ids) != count {
		t.Fatalf("%d containers, want %d", len(ids), count)
	}
	out := h.Must(append([]string{"inspect", "--format", "{{.State.Status}} {{.NetworkSettings.IPAddress}}"}, ids...)...)
	addresses := map[string]bool{}
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) != 2 || f[0] != "running" {
			t.Errorf("a container is %q", line)
			continue
		}
		addresses[f[1]] = true
	}
	if len(addresses) != count {
		t.Errorf("%d addresses for %d containers", len(addresses), count)
	}
	last := h.Inspect("c49", "{{.NetworkSettings.IPAddress}}")
	h.Must("exec", "c0", "ping", "-c", "1", "-W", "5", last)
	for i := range count {
		all.Go(func() {
			if r := h.Do("rm", "-f", fmt.Sprintf("c%d", i)); r.Code != 0 {
				t.Error(r)
			}
		})
	}
	all.Wait()
	h.Settle()
	for _, left := range h.Leaks() {
		t.Errorf("left behind: %s", left)
	}
}
