package vzoci

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vz.internal/vzoci/registrytest"
)

// dockerRegistry runs Debian's docker-registry on a free port, or skips.
func dockerRegistry(t *testing.T) (host string) {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		if os.Getenv("VZ_REQUIRE") != "" {
			t.Fatal("VZ_REQUIRE is set and docker-registry is not installed")
		}
		t.Skip("requires docker-registry (Debian: apt-get install docker-registry)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host = l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %q}\n", dir, host)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "serve", config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	return host
}

// What is made here goes to a real registry compressed and comes back the same.
func TestDockerRegistry(t *testing.T) {
	host := dockerRegistry(t)
	s := open(t, "")
	name := host + "/box:v1"
	contents := strings.Repeat("text ", 100_000)
	made, err := s.Import(t.Context(), bytes.NewReader(registrytest.Tar(t, "file", contents)), ImportOptions{Ref: name, Platform: "linux/amd64"})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := s.Push(t.Context(), name, PushOptions{}) // waits for the registry by its tries
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Push(t.Context(), name, PushOptions{}); err != nil || again != digest {
		t.Errorf("second push = %s, %v, want %s", again, err, digest)
	}
	if info, err := s.InspectImage(t.Context(), name); err != nil || info.ID != made.ID {
		t.Errorf("after the push = %s, %v, want %s", info.ID, err, made.ID)
	}
	intact(t, s)

	other := open(t, "")
	for _, ref := range []string{name, host + "/box@" + digest} {
		if got := pullOf(t, other, ref); got.ID != made.ID {
			t.Errorf("pull %s = %s, want %s", ref, got.ID, made.ID)
		}
	}
	f, err := other.find(name)
	if err != nil {
		t.Fatal(err)
	}
	doc, _, err := other.documents(f.image)
	if err != nil {
		t.Fatal(err)
	}
	if l := doc.Layers[0]; isPlain(l) || l.Size > int64(len(contents)/10) {
		t.Errorf("the layer is %s of %d bytes, want it compressed", l.MediaType, l.Size)
	}
	file := filepath.Join(other.store.LayerDir(f.image.Layers[0].ChainID), "file")
	if data, err := os.ReadFile(file); err != nil || string(data) != contents {
		t.Errorf("the file came back with %d bytes, %v", len(data), err)
	}
	// An image that a registry knows keeps its digest elsewhere.
	moved := host + "/moved:v1"
	if err := other.Tag(t.Context(), name, moved); err != nil {
		t.Fatal(err)
	}
	if got, err := other.Push(t.Context(), moved, PushOptions{}); err != nil || got != digest {
		t.Errorf("push elsewhere = %s, %v, want %s", got, err, digest)
	}
}
