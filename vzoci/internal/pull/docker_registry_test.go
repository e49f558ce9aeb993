//go:build linux

package pull

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzoci/internal/push"
	"vz.internal/vzoci/internal/registry"
	"vz.internal/vzoci/reference"
	"vz.internal/vzoci/registrytest"
)

// need skips the test if a program is missing, and fails it where VZ_REQUIRE
// says that the machine is complete.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			if os.Getenv("VZ_REQUIRE") != "" {
				t.Fatalf("VZ_REQUIRE is set and %s is not installed", p)
			}
			t.Skipf("requires %s (Debian: apt-get install docker-registry skopeo)", p)
		}
	}
}

// startDockerRegistry runs Debian's docker-registry on a free port.
func startDockerRegistry(t *testing.T) (host string) {
	t.Helper()
	need(t, "docker-registry")
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
	cmd := exec.CommandContext(t.Context(), "docker-registry", "serve", config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	c := newClient(t)
	for range 20 { // each waits a little by itself
		if err = c.Ping(t.Context(), host); err == nil {
			return host
		}
	}
	t.Fatal(err)
	return ""
}

func newClient(t *testing.T) *registry.Client {
	t.Helper()
	c, err := registry.New(registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// layoutOf writes an image as an OCI layout for skopeo.
func layoutOf(t *testing.T, s *registrytest.Server, img registrytest.Image) string {
	t.Helper()
	dir := t.TempDir()
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	index, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{img.Manifest}})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{
		filepath.Join(dir, "oci-layout"):              []byte(`{"imageLayoutVersion":"1.0.0"}`),
		filepath.Join(dir, "index.json"):              index,
		filepath.Join(blobs, img.Manifest.Digest.Hex): img.Raw,
		filepath.Join(blobs, img.Config.Digest.Hex):   s.Blob(img.Config.Digest),
	}
	for _, l := range img.Layers {
		files[filepath.Join(blobs, l.Digest.Hex)] = s.Blob(l.Digest)
	}
	for name, data := range files {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// An image that skopeo pushed to Debian's registry is pulled, pushed under
// another name, and read back by skopeo.
func TestDockerRegistry(t *testing.T) {
	need(t, "skopeo")
	host := startDockerRegistry(t)
	s := registrytest.New(t)
	img := s.AddImage(t, "a", "", registrytest.ImageOptions{},
		registrytest.Gzip(t, registrytest.Tar(t, "one", noise(2<<20))),
		registrytest.Zstd(t, registrytest.Tar(t, "two", "2")))
	for _, format := range []string{"oci", "v2s2"} {
		t.Run(format, func(t *testing.T) {
			if format == "v2s2" { // Docker's types know no zstd
				img = s.AddImage(t, "a", "", registrytest.ImageOptions{}, registrytest.Gzip(t, registrytest.Tar(t, "one", noise(1<<20))))
			}
			skopeo(t, "copy", "--dest-tls-verify=false", "--format", format, "oci:"+layoutOf(t, s, img), "docker://"+host+"/from/"+format+":v1")
			repo := func(name string) *registry.Repository {
				return newClient(t).Repository(reference.Reference{Registry: host, Repository: name})
			}
			store := newDirStore(t)
			got, err := Pull(t.Context(), store, untar, Request{Repository: repo("from/" + format), Locator: "v1", Platform: "linux/amd64"})
			if err != nil {
				t.Fatal(err)
			}
			if format == "oci" && got.Manifest.Digest != img.Manifest.Digest || format == "v2s2" && got.Manifest.MediaType != types.DockerManifestSchema2 {
				t.Errorf("manifest = %+v", got.Manifest)
			}
			for _, target := range []string{"to/plain-" + format, "to/mounted-" + format} {
				err := push.Push(t.Context(), store, push.Request{
					Repository: repo(target), Tag: "v2", Target: got.Target,
					MountFrom: func(v1.Hash) string { return "to/plain-" + format },
				})
				if err != nil {
					t.Fatal(err)
				}
				raw := skopeo(t, "inspect", "--tls-verify=false", "--raw", "docker://"+host+"/"+target+":v2")
				if digestBytes(raw) != got.Target.Digest {
					t.Errorf("skopeo reads another manifest from %s", target)
				}
			}
		})
	}
}

// A layer that was cut off is resumed at Debian's registry by a range.
func TestDockerRegistryResumes(t *testing.T) {
	need(t, "skopeo")
	host := startDockerRegistry(t)
	s := registrytest.New(t)
	img := s.AddImage(t, "a", "", registrytest.ImageOptions{}, registrytest.Gzip(t, registrytest.Tar(t, "one", noise(2<<20))))
	skopeo(t, "copy", "--dest-tls-verify=false", "oci:"+layoutOf(t, s, img), "docker://"+host+"/a:v1")
	repo := newClient(t).Repository(reference.Reference{Registry: host, Repository: "a"})
	blob := s.Blob(img.Layers[0].Digest)
	stream, err := repo.Blob(t.Context(), img.Layers[0].Digest.String(), 1_000_000, "")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	rest, err := io.ReadAll(stream)
	if err != nil || stream.Offset != 1_000_000 || !bytes.Equal(rest, blob[1_000_000:]) {
		t.Fatalf("stream from %d: %d bytes, %v", stream.Offset, len(rest), err)
	}
	store := newDirStore(t)
	if err := os.WriteFile(store.path("partial", img.Layers[0].Digest), blob[:1_000_000], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Pull(t.Context(), store, untar, Request{Repository: repo, Locator: "v1", Platform: "linux/amd64"}); err != nil {
		t.Fatal(err)
	}
}

func skopeo(t *testing.T, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "skopeo", append([]string{"--insecure-policy"}, args...)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("skopeo %v: %v: %s", args, err, stderr.Bytes())
	}
	return out
}
