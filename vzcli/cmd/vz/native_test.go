//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"vz.internal/vzoci/registrytest"
)

// TestScriptNative runs the scripts once more with real containers, where the
// name busybox means an image in a registry of the test. It needs root,
// busybox-static and vz-monitor, which `make test` puts on the PATH.
func TestScriptNative(t *testing.T) {
	if os.Geteuid() != 0 {
		need(t, "root", "not root")
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		need(t, "root", "busybox is not installed (package busybox-static)")
	}
	monitor, err := exec.LookPath("vz-monitor")
	if err != nil {
		need(t, "root", "vz-monitor is not on the PATH (make build)")
	}
	registry := registrytest.New(t)
	registry.AddImage(t, "library/busybox", "latest", registrytest.ImageOptions{}, registrytest.Gzip(t, busyboxRoot(t, busybox)))
	settings, err := json.Marshal(map[string]any{"registries": map[string]any{
		"docker.io": map[string]any{"mirrors": []any{map[string]string{"url": "http://" + registry.Host()}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	params := params(t)
	params.Condition = func(name string) (bool, error) { return name == "native", nil }
	fake := params.Setup
	params.Setup = func(e *testscript.Env) error {
		if err := fake(e); err != nil {
			return err
		}
		e.Setenv("VZ_BACKEND", "native")
		e.Setenv("VZ_LIBEXEC", filepath.Dir(monitor))
		home := e.Getenv("VZ_HOME")
		e.Defer(func() { removeAll(t, home, e.Getenv("VZ_RUN")) })
		if err := os.MkdirAll(home, 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(home, "registries.json"), settings, 0o644)
	}
	testscript.Run(t, params)
}

// need skips the test, or fails it where VZ_REQUIRE has what.
func need(t *testing.T, what, why string) {
	t.Helper()
	for r := range strings.SplitSeq(os.Getenv("VZ_REQUIRE"), ",") {
		if r == what {
			t.Fatalf("%s, and VZ_REQUIRE has %s", why, what)
		}
	}
	t.Skip(why)
}

// removeAll removes the containers that a script left, as those that failed do.
func removeAll(t *testing.T, home, run string) {
	vz := func(args ...string) string {
		cmd := exec.Command("vz", args...)
		cmd.Env = append(os.Environ(), "VZ_HOME="+home, "VZ_RUN="+run, "VZ_BACKEND=native")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("vz %q: %v: %s", args, err, out)
		}
		return string(out)
	}
	if ids := strings.Fields(vz("ps", "-aq")); len(ids) > 0 {
		vz(append([]string{"rm", "-f"}, ids...)...)
	}
}

// busyboxRoot is the archive of a root file system with every applet.
func busyboxRoot(t *testing.T, busybox string) []byte {
	t.Helper()
	program, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	applets, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(h tar.Header, data string) {
		h.Size = int64(len(data))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"bin", "etc", "root", "var", "home"} {
		add(tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: 0o755}, "")
	}
	add(tar.Header{Name: "tmp", Typeflag: tar.TypeDir, Mode: 0o1777}, "")
	add(tar.Header{Name: "bin/busybox", Mode: 0o755}, string(program))
	for applet := range strings.FieldsSeq(string(applets)) {
		if applet != "busybox" {
			add(tar.Header{Name: "bin/" + applet, Typeflag: tar.TypeSymlink, Linkname: "busybox"}, "")
		}
	}
	add(tar.Header{Name: "etc/passwd", Mode: 0o644}, "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home:/bin/sh\n")
	add(tar.Header{Name: "etc/group", Mode: 0o644}, "root:x:0:\napp:x:1000:\n")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
