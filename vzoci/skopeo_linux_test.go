package vzoci

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/registrytest"
)

// skopeo runs Debian's skopeo, or skips the test.
func skopeo(t *testing.T, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("skopeo"); err != nil {
		if os.Getenv("VZ_REQUIRE") != "" {
			t.Fatal("VZ_REQUIRE is set and skopeo is not installed")
		}
		t.Skip("requires skopeo (Debian: apt-get install skopeo)")
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "skopeo", append([]string{"--insecure-policy"}, args...)...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("skopeo %v: %v: %s", args, err, stderr.Bytes())
	}
	return out
}

// skopeo reads what is saved, and what it writes is loaded.
func TestSkopeo(t *testing.T) {
	r := registrytest.New(t)
	img := r.AddImage(t, "a", "v1", registrytest.ImageOptions{},
		registrytest.Gzip(t, registrytest.Tar(t, "one", "1")), registrytest.Gzip(t, registrytest.Tar(t, "two", "2")), registrytest.Plain(registrytest.Tar(t, "three", "3")))
	s := open(t, "")
	name := r.Host() + "/a:v1"
	want := pullOf(t, s, name)
	dir := t.TempDir()
	save := func(format string) string {
		path := filepath.Join(dir, "from-vz-"+format+".tar")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := s.Save(t.Context(), f, []string{name}, SaveOptions{Format: format}); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sources := map[string]string{
		"docker archive as docker's": "docker-archive:" + save("docker") + ":" + name,
		"docker archive as OCI":      "oci-archive:" + save("docker") + ":v1",
		"OCI archive":                "oci-archive:" + save("oci") + ":v1",
	}
	for what, source := range sources {
		t.Run(what, func(t *testing.T) {
			var config struct{ Digest string }
			if err := json.Unmarshal(skopeo(t, "inspect", source), &config); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(source, "oci-archive:") && config.Digest != img.Manifest.Digest.String() {
				t.Errorf("skopeo sees manifest %s, want %s", config.Digest, img.Manifest.Digest)
			}
			for _, kind := range []string{"docker-archive", "oci-archive"} {
				path := filepath.Join(t.TempDir(), "from-skopeo.tar")
				skopeo(t, "copy", source, kind+":"+path+":round.example/trip:v2")
				f, err := os.Open(path)
				if err != nil {
					t.Fatal(err)
				}
				to := open(t, "")
				loaded, err := to.Load(t.Context(), f)
				_ = f.Close()
				if err != nil || len(loaded) != 1 || loaded[0].Ref != "round.example/trip:v2" {
					t.Fatalf("load of %s = %+v, %v", kind, loaded, err)
				}
				root, err := to.RootFS(t.Context(), vzcontract.RootFSRequest{Ref: loaded[0].Ref, Owner: "c", Policy: vzcontract.PullNever})
				if err != nil || len(root.Layers) != 3 || len(root.Image.DiffIDs) != 3 || root.Image.DiffIDs[0] != want.DiffIDs[0] {
					t.Fatalf("root = %+v, %v", root, err)
				}
				if data, err := os.ReadFile(filepath.Join(root.Layers[0], "three")); string(data) != "3" {
					t.Error(err)
				}
				intact(t, to)
			}
		})
	}
}
