//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/need"
	"vz.internal/tools/e2e/internal/vztest"
	"vz.internal/tools/internal/workspace"
)

// stackHome returns a home with the built-in image under the names that Compose
// files use.
func stackHome(t *testing.T) *vztest.Home {
	t.Helper()
	h := vztest.New(t)
	h.Env = append(h.Env, "VZ_BACKEND=native")
	t.Cleanup(func() { h.Must("network", "prune", "-f") }) // before the home goes
	h.Must("pull", "-q", "vz:builtin")
	for _, name := range []string{"busybox", "busybox:1.36", "alpine", "alpine:3.20"} {
		h.Must("tag", "vz:builtin", name)
	}
	return h
}

// compose is vz stack on files, in their directory.
func compose(h *vztest.Home, files []string, args ...string) vztest.Result {
	all := []string{"stack"}
	for _, f := range files {
		all = append(all, "-f", f)
	}
	return h.Do(append(all, args...)...)
}

// disk names a block device with the scheduler that knows weights, for the keys of
// blkio_config.
func disk(t *testing.T) string {
	t.Helper()
	all, err := filepath.Glob("/sys/block/*/queue/scheduler")
	if err != nil {
		t.Fatal(err)
	}
	for _, scheduler := range all {
		if data, err := os.ReadFile(scheduler); err == nil && strings.Contains(string(data), "[bfq]") {
			return "/dev/" + filepath.Base(filepath.Dir(filepath.Dir(scheduler)))
		}
	}
	need.Missing(t, "disk", "the host has no block device with the scheduler bfq, which weights need")
	return ""
}

// needRealtime needs control groups that have real time to give; below the root
// they have none until somebody writes it there.
func needRealtime(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile("/sys/fs/cgroup/cpu/vz/cpu.rt_runtime_us")
	if us := strings.TrimSpace(string(data)); err != nil || us == "0" {
		need.Missing(t, "realtime", "the control group vz has no real time to give")
	}
}

// TestStackFiles brings every Compose file of vzstack up with real containers,
// up again, which must change nothing, and down, which must leave nothing.
func TestStackFiles(t *testing.T) {
	root, err := workspace.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(filepath.Join(root, "vzstack/testdata/files/*.yaml"))
	if err != nil || len(all) < 25 {
		t.Fatalf("%d Compose files, %v", len(all), err)
	}
	h := stackHome(t)
	h.Env = append(h.Env, "DB_PASSWORD=hush", "UID=0", "GID=0", "PULLED="+busybox(t, "busybox"))
	outside(t, h)
	for _, file := range all {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		if strings.HasSuffix(name, ".override") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			switch name {
			case "16-limits":
				h.Env = append(h.Env, "DISK="+disk(t))
			case "31-realtime":
				needRealtime(t)
			}
			upUpDown(t, h, file)
		})
	}
}

func upUpDown(t *testing.T, h *vztest.Home, file string) {
	files := []string{file}
	if override := strings.TrimSuffix(file, ".yaml") + ".override.yaml"; exists(override) {
		files = append(files, override)
	}
	defer func() {
		if r := compose(h, files, "down", "-v", "-t", "2"); r.Code != 0 {
			t.Error(r)
		}
		if left := strings.Fields(h.Must("ps", "-aq")); len(left) > 0 {
			t.Errorf("down left containers %v", left)
		}
	}()
	for _, flags := range [][]string{{"up", "-d"}, {"up", "-d"}} {
		if r := compose(h, files, flags...); r.Code != 0 {
			t.Fatal(r)
		}
	}
	ids := func() string { return compose(h, files, "ps", "-a", "--format", "{{.ID}} {{.Name}}").Stdout }
	before := ids()
	if r := compose(h, files, "up", "-d"); r.Code != 0 || strings.Contains(r.Stderr, "Creat") {
		t.Errorf("one more up: %s", r)
	}
	if after := ids(); after != before || before == "" {
		t.Errorf("one more up made of\n%sthe containers\n%s", before, after)
	}
	for line := range strings.Lines(compose(h, files, "ps", "-a", "--format", "{{.State}} {{.ExitCode}} {{.Name}}").Stdout) {
		if !strings.HasPrefix(line, "running 0 ") && !strings.HasPrefix(line, "exited 0 ") {
			t.Errorf("a container is %s", strings.TrimSpace(line))
		}
	}
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// outside makes what the files expect to find.
func outside(t *testing.T, h *vztest.Home) {
	t.Helper()
	for _, name := range []string{"outside", "outside-old"} {
		h.Must("network", "create", name)
	}
	for _, name := range []string{"kept-data", "kept-old"} {
		h.Must("volume", "create", name)
	}
	h.Must("run", "--rm", "--network", "none", "-v", "kept-data:/v", "busybox", "mkdir", "-p", "/v/sub")
	if r := h.DoWith("from the store", "secret", "create", "kept", "-"); r.Code != 0 {
		t.Fatal(r)
	}
}
