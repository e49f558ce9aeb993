package vzoci

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/registrytest"
)

// testBuiltin makes an image of a box that is any file.
func testBuiltin(t *testing.T, made *int) Option {
	return func(c *config) {
		c.makeBuiltin = func(box string) (vzcontract.ImageConfig, io.ReadCloser, error) {
			*made++
			data, err := os.ReadFile(box)
			layer := registrytest.Tar(t, "bin/sh", string(data))
			return vzcontract.ImageConfig{Cmd: []string{"sh"}}, io.NopCloser(bytes.NewReader(layer)), err
		}
	}
}

func TestBuiltin(t *testing.T) {
	dir, made := t.TempDir(), 0
	box := filepath.Join(t.TempDir(), "vz-box")
	find := WithBuiltin(func() (string, error) {
		if _, err := os.Stat(box); err != nil {
			return "", vzcontract.Errorf(vzcontract.ErrUnavailable, "vz-box is missing")
		}
		return box, nil
	})
	s := open(t, dir, find, testBuiltin(t, &made))
	req := vzcontract.RootFSRequest{Ref: Builtin, Owner: "c1", Policy: vzcontract.PullAlways}
	if _, err := s.RootFS(t.Context(), req); !errors.Is(err, vzcontract.ErrUnavailable) {
		t.Errorf("without vz-box: %v", err)
	}
	ids := map[string]bool{}
	for i, program := range []string{"one", "one", "two!"} {
		if i != 1 {
			if err := os.WriteFile(box, []byte(program), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		root, err := s.RootFS(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(filepath.Join(root.Layers[0], "bin/sh")); string(data) != program {
			t.Errorf("%q, %v, want %q", data, err, program)
		}
		ids[root.Image.ID] = true
	}
	if len(ids) != 2 || made != 2 {
		t.Errorf("%d images, made %d times, want two of each", len(ids), made)
	}
	// It serves on without the program, and is like any other image.
	if err := os.Remove(box); err != nil {
		t.Fatal(err)
	}
	root, err := s.RootFS(t.Context(), req)
	if err != nil || !slices.Equal(root.Image.References, []string{Builtin}) {
		t.Fatal(root, err)
	}
	if steps, err := s.History(t.Context(), Builtin); err != nil || len(steps) != 1 {
		t.Errorf("history = %v, %v", steps, err)
	}
	var saved bytes.Buffer
	if err := s.Save(t.Context(), &saved, []string{Builtin}, SaveOptions{}); err != nil {
		t.Error(err)
	}
	if loaded, err := open(t, "").Load(t.Context(), &saved); err != nil || !slices.Equal(loaded, []LoadedImage{{"", root.Image.ID}}) {
		t.Errorf("load = %v, %v, want it without the name", loaded, err)
	}
	if _, err := s.Push(t.Context(), Builtin, PushOptions{}); !errors.Is(err, vzcontract.ErrValidation) {
		t.Errorf("push: %v", err)
	}
	if err := s.ReleaseRootFS(t.Context(), "c1"); err != nil {
		t.Fatal(err)
	}
	if removed, err := s.RemoveImage(t.Context(), Builtin, vzcontract.RemoveImageOptions{}); err != nil || len(removed) != 2 {
		t.Errorf("remove = %v, %v", removed, err)
	}
	intact(t, s)
}
