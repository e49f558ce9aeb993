package vzoci

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/registrytest"
)

func gzipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t *testing.T, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(data, nil)
}

// What was saved is loaded as the same image, by digest.
func TestSaveAndLoad(t *testing.T) {
	r := registrytest.New(t)
	r.AddImage(t, "a", "v1", registrytest.ImageOptions{},
		registrytest.Gzip(t, registrytest.Tar(t, "one", "1")), registrytest.Zstd(t, registrytest.Tar(t, "two", "2")), registrytest.Plain(registrytest.Tar(t, "three", "3")))
	addImage(t, r, "b", "v1", "b")
	s := open(t, "")
	a, b := r.Host()+"/a:v1", r.Host()+"/b:v1"
	want := []vzcontract.ImageInfo{pullOf(t, s, a), pullOf(t, s, b)}
	if err := s.Tag(t.Context(), a, "other"); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"", "docker", "oci"} {
		for name, pack := range map[string]func(*testing.T, []byte) []byte{
			"plain": func(_ *testing.T, b []byte) []byte { return b }, "gzip": gzipped, "zstd": zstded,
		} {
			t.Run(format+" "+name, func(t *testing.T) {
				var out bytes.Buffer
				if err := s.Save(t.Context(), &out, []string{a, "other", want[1].ID[:20]}, SaveOptions{Format: format}); err != nil {
					t.Fatal(err)
				}
				to := open(t, "")
				loaded, err := to.Load(t.Context(), bytes.NewReader(pack(t, out.Bytes())))
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(loaded, []LoadedImage{{a, want[0].ID}, {"other:latest", want[0].ID}, {"", want[1].ID}}) {
					t.Errorf("loaded = %+v", loaded)
				}
				for _, w := range want {
					got, err := to.InspectImage(t.Context(), w.ID)
					if err != nil || got.Digest != w.Digest || got.Size != w.Size {
						t.Errorf("got %+v, %v, want %+v", got, err, w)
					}
				}
				root, err := to.RootFS(t.Context(), vzcontract.RootFSRequest{Ref: "other", Owner: "c", Policy: vzcontract.PullNever})
				if err != nil || len(root.Layers) != 3 {
					t.Fatal(root, err)
				}
				if data, err := os.ReadFile(filepath.Join(root.Layers[1], "two")); string(data) != "2" {
					t.Error(err)
				}
				intact(t, to)
			})
		}
	}
	for _, tt := range []struct {
		refs []string
		opts SaveOptions
		err  error
	}{
		{[]string{"nothing"}, SaveOptions{}, vzcontract.ErrNotFound},
		{nil, SaveOptions{}, vzcontract.ErrValidation},
		{[]string{a}, SaveOptions{Format: "zip"}, vzcontract.ErrValidation},
		{[]string{a}, SaveOptions{Platform: "linux/s390x"}, vzcontract.ErrNotFound},
	} {
		if err := s.Save(t.Context(), io.Discard, tt.refs, tt.opts); !errors.Is(err, tt.err) {
			t.Errorf("save %v %v: %v, want %v", tt.refs, tt.opts, err, tt.err)
		}
	}
}

// A repository without a tag is saved with all its tags, each once.
func TestSaveRepository(t *testing.T) {
	r := registrytest.New(t)
	addImage(t, r, "a", "v1", "one")
	addImage(t, r, "a", "v2", "two")
	s := open(t, "")
	name := r.Host() + "/a"
	one, two := pullOf(t, s, name+":v1"), pullOf(t, s, name+":v2")
	if err := s.Tag(t.Context(), name+":v1", name); err != nil {
		t.Fatal(err)
	}
	id := one.ID[len("sha256:"):][:12]
	all := []LoadedImage{{name + ":latest", one.ID}, {name + ":v1", one.ID}, {name + ":v2", two.ID}}
	for _, tt := range []struct {
		refs []string
		want []LoadedImage
	}{
		{[]string{name}, all},
		{[]string{name, name + ":v1"}, all},
		{[]string{name + ":latest"}, all[:1]},
		{[]string{name + ":v2", name + ":v1"}, []LoadedImage{all[2], all[1]}},
		{[]string{name + ":v2", id}, []LoadedImage{all[2], {"", one.ID}}},
	} {
		var out bytes.Buffer
		if err := s.Save(t.Context(), &out, tt.refs, SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		loaded, err := open(t, "").Load(t.Context(), &out)
		if err != nil || !slices.Equal(loaded, tt.want) {
			t.Errorf("save %v: loaded %+v, %v, want %+v", tt.refs, loaded, err, tt.want)
		}
	}
	if err := s.Save(t.Context(), io.Discard, []string{r.Host() + "/b"}, SaveOptions{}); !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("save of a repository without tags: %v", err)
	}
}

// entry is one of a hostile archive; a link where to is set.
type entry struct{ name, data, to string }

func archiveOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: int64(len(e.data)), Mode: 0o644}
		if e.to != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.to
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func configJSON(t *testing.T, layers ...[]byte) string {
	t.Helper()
	c := v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}}}
	for _, l := range layers {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, registrytest.Digest(l))
	}
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The archive of an old docker save: layers by directory, one of them a link.
func TestLoadOldArchive(t *testing.T) {
	layer := registrytest.Tar(t, "one", "1")
	list := `[{"Config":"c.json","RepoTags":["old:v1"],"Layers":["x/layer.tar","y/layer.tar"]}]`
	data := archiveOf(t,
		entry{name: "c.json", data: configJSON(t, layer, layer)},
		entry{name: "x/layer.tar", data: string(layer)}, entry{name: "y/layer.tar", to: "../x/layer.tar"},
		entry{name: "manifest.json", data: list}, entry{name: "repositories", data: "{}"})
	s := open(t, "")
	loaded, err := s.Load(t.Context(), bytes.NewReader(data))
	if err != nil || len(loaded) != 1 || loaded[0].Ref != "old:v1" {
		t.Fatal(loaded, err)
	}
	intact(t, s)
	if n := count(t, s, "layers"); n != 2 {
		t.Errorf("%d layers, want 2", n)
	}
}

func TestLoadRefuses(t *testing.T) {
	layer := registrytest.Tar(t, "one", "1")
	config := configJSON(t, layer)
	list := func(c string, layers ...string) entry {
		data, err := json.Marshal([]map[string]any{{"Config": c, "RepoTags": []string{"a:v1"}, "Layers": layers}})
		if err != nil {
			t.Fatal(err)
		}
		return entry{name: "manifest.json", data: string(data)}
	}
	tests := map[string][]byte{
		"empty":           nil,
		"not a tar":       bytes.Repeat([]byte("text "), 1000),
		"no list":         archiveOf(t, entry{name: "x", data: "y"}),
		"cut off":         archiveOf(t, entry{name: "big", data: strings.Repeat("x", 4096)})[:2000],
		"bad json":        archiveOf(t, entry{name: "manifest.json", data: "{"}),
		"no image":        archiveOf(t, entry{name: "manifest.json", data: "[]"}),
		"missing config":  archiveOf(t, list("c.json")),
		"missing layer":   archiveOf(t, entry{name: "c.json", data: config}, list("c.json", "l.tar")),
		"link in circles": archiveOf(t, entry{name: "c.json", to: "d.json"}, entry{name: "d.json", to: "c.json"}, list("c.json")),
		"link outside":    archiveOf(t, entry{name: "c.json", to: "../../../../etc/passwd"}, list("c.json")),
		"layer count":     archiveOf(t, entry{name: "c.json", data: config}, list("c.json")),
		"wrong diffID":    archiveOf(t, entry{name: "c.json", data: config}, entry{name: "l.tar", data: string(registrytest.Tar(t, "two", "2"))}, list("c.json", "l.tar")),
		"twice":           archiveOf(t, entry{name: "c.json", data: config}, entry{name: "./c.json", data: "{}"}, list("c.json")),
		"lying blob":      archiveOf(t, entry{name: "blobs/sha256/" + strings.Repeat("0", 64), data: "x"}),
		"missing blob":    archiveOf(t, entry{name: "index.json", data: `{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"sha256:` + strings.Repeat("0", 64) + `"}]}`}),
		"bad name":        archiveOf(t, entry{name: "c.json", data: config}, entry{name: "l.tar", data: string(layer)}, entry{name: "manifest.json", data: `[{"Config":"c.json","RepoTags":["UP"],"Layers":["l.tar"]}]`}),
	}
	s := open(t, "")
	for name, data := range tests {
		if loaded, err := s.Load(t.Context(), bytes.NewReader(data)); !errors.Is(err, vzcontract.ErrValidation) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v, want invalid, in one line", name, loaded, err)
		}
	}
	if list, err := s.ListImages(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("list = %v, %v", list, err)
	}
	if _, err := s.PruneImages(t.Context(), vzcontract.PruneImagesOptions{}); err != nil {
		t.Error(err)
	}
	if n := count(t, s, "sessions") + count(t, s, "blobs/sha256") + count(t, s, "layers"); n != 0 {
		t.Errorf("%d things are left", n)
	}
}

func FuzzLoad(f *testing.F) {
	layer := registrytest.Tar(f, "one", "1")
	f.Add(layer)
	f.Add([]byte("manifest.json"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		s := open(t, dir)
		if loaded, err := s.Load(t.Context(), bytes.NewReader(data)); err == nil {
			for _, l := range loaded {
				if _, err := s.InspectImage(t.Context(), l.ID); err != nil {
					t.Error(err)
				}
			}
		}
	})
}
