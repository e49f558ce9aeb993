package cli

import (
	"archive/tar"
	"bytes"
	"errors"
	"testing"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

// The store that the verbs see: what one of them writes another one reads.
func TestImageStore(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	images, logins, err := openImages(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var s command.ImageStore = imageStore{images}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "file", Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := s.Import(t.Context(), &archive, command.ImportOptions{Ref: "mine", Message: "m", Changes: []string{"CMD x"}})
	if err != nil {
		t.Fatal(err)
	}
	var saved bytes.Buffer
	if err := s.Save(t.Context(), &saved, []string{"mine"}, command.SaveOptions{Format: "oci"}); err != nil {
		t.Fatal(err)
	}
	if loaded, err := s.Load(t.Context(), &saved); err != nil || len(loaded) != 1 || loaded[0] != (command.LoadedImage{Ref: "mine:latest", ID: info.ID}) {
		t.Errorf("load = %+v, %v", loaded, err)
	}
	if steps, err := s.History(t.Context(), "mine"); err != nil || len(steps) != 1 || steps[0].Comment != "m" {
		t.Errorf("history = %+v, %v", steps, err)
	}
	if usage, err := s.DiskUsage(t.Context()); err != nil || usage.Images != 1 {
		t.Errorf("usage = %+v, %v", usage, err)
	}
	if _, err := s.Push(t.Context(), "127.0.0.1:1/x", command.PushOptions{}); !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("push of nothing: %v", err)
	}
	for _, keeper := range []checker{imageStore{images}} {
		if lines, err := keeper.Verify(t.Context()); err != nil || len(lines) != 0 {
			t.Errorf("verify = %q, %v", lines, err)
		}
	}
	if had, err := logins.Logout(t.Context(), "registry.example"); had || err != nil {
		t.Errorf("logout = %v, %v", had, err)
	}
}
