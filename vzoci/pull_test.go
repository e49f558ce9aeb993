package vzoci

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/registrytest"
)

func TestPullFillsInfo(t *testing.T) {
	r := registrytest.New(t)
	config := v1.Config{
		Entrypoint: []string{"/e"}, Cmd: []string{"c"}, Env: []string{"A=b"}, User: "u", WorkingDir: "/w",
		ExposedPorts: map[string]struct{}{"80": {}, "53/udp": {}}, Volumes: map[string]struct{}{"/v": {}},
		Labels: map[string]string{"k": "v"}, StopSignal: "SIGINT", Shell: []string{"/s"}, OnBuild: []string{"RUN x"},
		Healthcheck: &v1.HealthConfig{Test: []string{"CMD", "t"}, Retries: 3},
	}
	one := registrytest.Tar(t, "one", "1")
	img := r.AddImage(t, "team/app", "v1", registrytest.ImageOptions{Config: config},
		registrytest.Gzip(t, one), registrytest.Zstd(t, registrytest.Tar(t, "two", "22")), registrytest.Plain(registrytest.Tar(t)))
	index := r.AddIndex(t, "team/app", "multi", img.Manifest)
	s := open(t, "")
	for tag, target := range map[string]v1.Hash{"v1": img.Manifest.Digest, "multi": index} {
		name := r.Host() + "/team/app"
		info := pullOf(t, s, name+":"+tag)
		if info.ID != img.Config.Digest.String() || info.Digest != img.Manifest.Digest.String() || info.Size != 3 || len(info.DiffIDs) != 3 {
			t.Errorf("info = %+v", info)
		}
		if !slices.Contains(info.References, name+":"+tag) || !slices.Contains(info.RepoDigests, name+"@"+target.String()) {
			t.Errorf("names = %q %q", info.References, info.RepoDigests)
		}
		c := info.Config
		if !slices.Equal(c.ExposedPorts, []string{"53/udp", "80/tcp"}) || !slices.Equal(c.Volumes, []string{"/v"}) || c.Health.Retries != 3 ||
			c.Labels["k"] != "v" || c.User != "u" || c.StopSignal != "SIGINT" || c.WorkingDir != "/w" || info.OS != "linux" || info.Architecture != "amd64" {
			t.Errorf("config = %+v", c)
		}
		// A pinned name that was pulled by its tag is here.
		if _, err := s.InspectImage(t.Context(), name+"@"+target.String()); err != nil {
			t.Error(err)
		}
	}
	intact(t, s)
	if n := count(t, s, "sessions") + count(t, s, "partial") + count(t, s, "locks") + count(t, s, "trash") + count(t, s, "unsynced"); n != 0 {
		t.Errorf("%d things are left over", n)
	}
}

func TestPullPolicies(t *testing.T) {
	r := registrytest.New(t)
	first := addImage(t, r, "a", "v1", "first")
	s := open(t, "")
	name := r.Host() + "/a:v1"
	pull := func(policy vzcontract.PullPolicy) (string, error) {
		info, err := s.PullImage(t.Context(), name, vzcontract.PullOptions{Policy: policy})
		return info.ID, err
	}
	if _, err := pull(vzcontract.PullNever); !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("never: %v, want not found", err)
	}
	if _, err := pull("sometimes"); !errors.Is(err, vzcontract.ErrValidation) {
		t.Errorf("sometimes: %v, want invalid", err)
	}
	if id, err := pull(""); err != nil || id != first.Config.Digest.String() {
		t.Errorf("missing = %s, %v", id, err)
	}
	second := addImage(t, r, "a", "v1", "second")
	r.Forget()
	for _, policy := range []vzcontract.PullPolicy{"", vzcontract.PullMissing, vzcontract.PullNever} {
		if id, err := pull(policy); err != nil || id != first.Config.Digest.String() {
			t.Errorf("%q = %s, %v, want the first image", policy, id, err)
		}
	}
	if asked := r.Requests(""); len(asked) != 0 {
		t.Errorf("the registry was asked for %v", asked)
	}
	if id, err := pull(vzcontract.PullAlways); err != nil || id != second.Config.Digest.String() {
		t.Errorf("always = %s, %v, want the second image", id, err)
	}
	old, err := s.InspectImage(t.Context(), first.Config.Digest.String())
	if err != nil || len(old.References) != 0 || len(old.RepoDigests) != 1 {
		t.Errorf("the first image = %+v, %v, want it without a tag", old, err)
	}
	r.Close()
	if _, err := pull(vzcontract.PullAlways); !errors.Is(err, vzcontract.ErrUnavailable) {
		t.Errorf("registry down: %v, want unavailable", err)
	}
}

func TestPullPlatform(t *testing.T) {
	r := registrytest.New(t)
	var manifests []v1.Descriptor
	for _, arch := range []string{"amd64", "arm64"} {
		img := r.AddImage(t, "a", "", registrytest.ImageOptions{Platform: v1.Platform{OS: "linux", Architecture: arch}},
			registrytest.Gzip(t, registrytest.Tar(t, "arch", arch)))
		manifests = append(manifests, img.Manifest)
	}
	r.AddIndex(t, "a", "v1", manifests...)
	s := open(t, "")
	name := r.Host() + "/a:v1"
	for _, arch := range []string{"amd64", "arm64", "amd64"} {
		info, err := s.PullImage(t.Context(), name, vzcontract.PullOptions{Platform: "linux/" + arch})
		if err != nil || info.Architecture != arch {
			t.Errorf("%s: got %s, %v", arch, info.Architecture, err)
		}
	}
	_, err := s.PullImage(t.Context(), name, vzcontract.PullOptions{Platform: "linux/s390x"})
	if !errors.Is(err, vzcontract.ErrNotFound) || !strings.Contains(err.Error(), "linux/amd64, linux/arm64") {
		t.Errorf("s390x: %v", err)
	}
	_, err = s.PullImage(t.Context(), name, vzcontract.PullOptions{Platform: "linux/arm64", Policy: vzcontract.PullNever})
	if !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("never for another platform: %v", err)
	}
}

// Each error is one line: the image, the reason, the class.
func TestPullErrors(t *testing.T) {
	r := registrytest.New(t)
	img := addImage(t, r, "a", "v1", "x")
	private := registrytest.New(t)
	addImage(t, private, "a", "v1", "x")
	private.RequireBasic("user", "password")
	s := open(t, "")
	tests := []struct {
		ref, text string
		class     error
	}{
		{r.Host() + "/a:v2", "it has v1", vzcontract.ErrNotFound},
		{r.Host() + "/b:v1", "/b", vzcontract.ErrNotFound},
		{r.Host() + "/a@sha256:" + strings.Repeat("0", 64), "sha256:000", vzcontract.ErrNotFound},
		{private.Host() + "/a:v1", "vz login", vzcontract.ErrDenied},
		{"127.0.0.1:1/a:v1", "127.0.0.1:1", vzcontract.ErrUnavailable},
		{"", "empty", vzcontract.ErrValidation},
		{"two words", "two words", vzcontract.ErrValidation},
		{"UPPER/case", "", vzcontract.ErrValidation},
		{strings.Repeat("0", 64), "no such image", vzcontract.ErrNotFound},
	}
	for _, tt := range tests {
		_, err := s.PullImage(t.Context(), tt.ref, vzcontract.PullOptions{Policy: vzcontract.PullAlways})
		if !errors.Is(err, tt.class) && !(tt.ref == "UPPER/case" && err != nil) {
			t.Errorf("pull %q: %v, want %v", tt.ref, err, tt.class)
		} else if !strings.Contains(err.Error(), tt.text) || strings.Contains(err.Error(), "\n") {
			t.Errorf("pull %q: %q, want %q in one line", tt.ref, err, tt.text)
		}
	}
	r.Inject(registrytest.Path("GET", "/blobs/"+img.Layers[0].Digest.String()), registrytest.Always, registrytest.Corrupt)
	if _, err := s.PullImage(t.Context(), r.Host()+"/a:v1", vzcontract.PullOptions{Platform: "linux/amd64"}); err == nil {
		t.Error("a damaged layer was accepted")
	}
	if list, err := s.ListImages(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("list = %v, %v, want nothing", list, err)
	}
	intact(t, s)
}

// However many pulls want a blob, it is fetched once.
func TestPullsInParallel(t *testing.T) {
	r := registrytest.New(t)
	big := strings.Repeat("a long line that compresses well, but not to nothing\n", 20_000)
	img := r.AddImage(t, "a", "v1", registrytest.ImageOptions{},
		registrytest.Plain(registrytest.Tar(t, "big", big)), registrytest.Gzip(t, registrytest.Tar(t, "one", "1")), registrytest.Gzip(t, registrytest.Tar(t, "one", "1")))
	dir := t.TempDir()
	var group errgroup.Group
	for range 16 {
		s := open(t, dir)
		group.Go(func() error {
			_, err := s.PullImage(t.Context(), r.Host()+"/a:v1", vzcontract.PullOptions{Platform: "linux/amd64"})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, l := range img.Layers[:2] {
		if n := len(r.Requests("/blobs/" + l.Digest.String())); n != 1 {
			t.Errorf("layer %s was asked for %d times", l.Digest, n)
		}
	}
	s := open(t, dir)
	intact(t, s)
	root, err := s.RootFS(t.Context(), vzcontract.RootFSRequest{Ref: r.Host() + "/a:v1", Owner: "c1"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(root.Layers[2], "big")); err != nil || string(got) != big {
		t.Errorf("big: %d bytes, %v", len(got), err)
	}
}
