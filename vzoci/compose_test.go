package vzoci

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/registrytest"
)

func TestImport(t *testing.T) {
	s := open(t, "")
	archive := registrytest.Tar(t, "etc/hello", "hi")
	for name, data := range map[string][]byte{"plain": archive, "gzip": gzipped(t, archive), "zstd": zstded(t, archive)} {
		info, err := s.Import(t.Context(), bytes.NewReader(data), ImportOptions{
			Ref: "mine:" + name, Message: "made by hand", Platform: "linux/arm64",
			Changes: []string{`CMD ["/bin/x"]`, "ENV A=b C='d e'", "LABEL k=v", "USER 7", "WORKDIR /w", "EXPOSE 80", "VOLUME /v"},
		})
		if err != nil {
			t.Fatal(err)
		}
		c := info.Config
		if !slices.Equal(info.References, []string{"mine:" + name}) || info.Architecture != "arm64" || info.Comment != "made by hand" || info.Created.IsZero() ||
			!slices.Equal(c.Cmd, []string{"/bin/x"}) || !slices.Equal(c.Env, []string{"A=b", "C=d e"}) || c.Labels["k"] != "v" || c.User != "7" ||
			c.WorkingDir != "/w" || !slices.Equal(c.ExposedPorts, []string{"80/tcp"}) || !slices.Equal(c.Volumes, []string{"/v"}) {
			t.Errorf("info = %+v", info)
		}
		root, err := s.RootFS(t.Context(), vzcontract.RootFSRequest{Ref: "mine:" + name, Owner: "c"})
		if err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(filepath.Join(root.Layers[0], "etc/hello")); string(data) != "hi" {
			t.Error(err)
		}
	}
	if n := count(t, s, "layers"); n != 1 {
		t.Errorf("%d layers, want one that all share", n)
	}
	for _, tt := range []struct {
		data []byte
		opts ImportOptions
	}{
		{[]byte("no archive at all, but a text that is long enough to be taken for one"), ImportOptions{}},
		{archive, ImportOptions{Ref: "UPPER"}},
		{archive, ImportOptions{Platform: "a/b/c/d"}},
		{archive, ImportOptions{Changes: []string{"COPY a b"}}},
		{gzipped(t, archive)[:20], ImportOptions{}},
	} {
		if _, err := s.Import(t.Context(), bytes.NewReader(tt.data), tt.opts); !errors.Is(err, vzcontract.ErrValidation) {
			t.Errorf("import %+v: %v, want invalid", tt.opts, err)
		}
	}
	intact(t, s)
}

func TestCommitLayer(t *testing.T) {
	r := registrytest.New(t)
	addImage(t, r, "a", "v1", "base")
	s := open(t, "")
	base := pullOf(t, s, r.Host()+"/a:v1")
	info, err := s.CommitLayer(t.Context(), vzcontract.CommitLayerRequest{
		Base: base.ID, Ref: "mine", Author: "me", Comment: "more", CreatedBy: "sh",
		Config: vzcontract.ImageConfig{Cmd: []string{"new"}, Health: &vzcontract.HealthCheck{Test: []string{"NONE"}}},
		Layer:  bytes.NewReader(registrytest.Tar(t, "more", "m")),
	})
	if err != nil {
		t.Fatal(err)
	}
	if info.Author != "me" || info.Comment != "more" || !slices.Equal(info.Config.Cmd, []string{"new"}) || len(info.DiffIDs) != 2 || info.Size != base.Size+1 {
		t.Errorf("info = %+v", info)
	}
	history, err := s.History(t.Context(), "mine")
	if err != nil || len(history) != 2 || history[0].ID != info.ID || history[0].CreatedBy != "sh" || history[0].Comment != "more" {
		t.Errorf("history = %+v, %v", history, err)
	}
	// The base may go; its layer is the new image's too.
	if _, err := s.RemoveImage(t.Context(), base.ID, vzcontract.RemoveImageOptions{}); err != nil {
		t.Fatal(err)
	}
	root, err := s.RootFS(t.Context(), vzcontract.RootFSRequest{Ref: "mine", Owner: "c", Policy: vzcontract.PullNever})
	if err != nil || len(root.Layers) != 2 {
		t.Fatal(root, err)
	}
	for i, name := range []string{"more", "file"} {
		if _, err := os.Stat(filepath.Join(root.Layers[i], name)); err != nil {
			t.Error(err)
		}
	}
	// Pushed and pulled elsewhere it is the same.
	if err := s.Tag(t.Context(), "mine", r.Host()+"/mine:v1"); err != nil {
		t.Fatal(err)
	}
	digest, err := s.Push(t.Context(), r.Host()+"/mine:v1", PushOptions{})
	if err != nil || digest == info.Digest {
		t.Errorf("push = %s, %v, want another manifest, of compressed layers", digest, err)
	}
	if pushed, err := s.InspectImage(t.Context(), "mine"); err != nil || !slices.Equal(pushed.RepoDigests, []string{r.Host() + "/mine@" + digest}) {
		t.Errorf("after the push: %+v, %v", pushed, err)
	}
	if got := pullOf(t, open(t, ""), r.Host()+"/mine:v1"); got.ID != info.ID {
		t.Errorf("pulled %s, want %s", got.ID, info.ID)
	}
	usage, err := s.DiskUsage(t.Context())
	if err != nil || usage.Images != 1 || usage.Active != 1 || usage.Size == 0 || usage.Reclaimable != 0 {
		t.Errorf("usage = %+v, %v", usage, err)
	}
	_, err = s.CommitLayer(t.Context(), vzcontract.CommitLayerRequest{Base: "nothing", Layer: bytes.NewReader(nil)})
	if !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("commit onto nothing: %v", err)
	}
	if info, err = s.CommitLayer(t.Context(), vzcontract.CommitLayerRequest{Layer: bytes.NewReader(registrytest.Tar(t, "alone", ""))}); err != nil || len(info.DiffIDs) != 1 {
		t.Errorf("commit without a base = %+v, %v", info, err)
	}
	intact(t, s)
}

func TestPushRefuses(t *testing.T) {
	r := registrytest.New(t)
	addImage(t, r, "a", "v1", "x")
	s := open(t, "")
	pullOf(t, s, r.Host()+"/a:v1")
	if _, err := s.Push(t.Context(), r.Host()+"/b:v1", PushOptions{}); !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("push of nothing: %v", err)
	}
	r.RequireBasic("user", "password")
	if _, err := s.Push(t.Context(), r.Host()+"/a:v1", PushOptions{}); !errors.Is(err, vzcontract.ErrDenied) {
		t.Errorf("push without credentials: %v", err)
	}
}
