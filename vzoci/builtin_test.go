package vzoci

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/registrytest"
)

// boxImage is an image of a box that is any file.
type boxImage struct{ config, manifest, layer []byte }

func (b boxImage) Config() []byte                { return b.config }
func (b boxImage) Manifest() []byte              { return b.manifest }
func (b boxImage) Layer() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.layer)), nil }

func testBuiltin(t *testing.T, made *int) Option {
	return func(c *config) {
		c.makeBuiltin = func(box string) (builtinImage, error) {
			*made++
			data, err := os.ReadFile(box)
			if err != nil {
				return nil, err
			}
			b := boxImage{layer: registrytest.Tar(t, "bin/sh", string(data))}
			b.config = []byte(configJSON(t, b.layer))
			b.manifest, err = json.Marshal(v1.Manifest{
				SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
				Config: v1.Descriptor{MediaType: types.OCIConfigJSON, Digest: digestOf(b.config), Size: int64(len(b.config))},
				Layers: []v1.Descriptor{{MediaType: types.OCIUncompressedLayer, Digest: digestOf(b.layer), Size: int64(len(b.layer))}},
			})
			return b, err
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

// A real program gives a real image.
func TestBuiltinOfProgram(t *testing.T) {
	box := filepath.Join(t.TempDir(), "vz-box")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", box, "./testdata/box")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Skipf("requires the go command: %v: %s", err, out)
	}
	s := open(t, "", WithBuiltin(func() (string, error) { return box, nil }))
	root, err := s.RootFS(t.Context(), vzcontract.RootFSRequest{Ref: Builtin, Owner: "c1"})
	if err != nil {
		t.Fatal(err)
	}
	if len(root.Layers) != 1 || !slices.Equal(root.Image.Config.Cmd, []string{"sh"}) {
		t.Errorf("root = %+v", root)
	}
	intact(t, s)
}
