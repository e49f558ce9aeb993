package pull

import (
	"errors"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/registrytest"
)

func platformOfText(t *testing.T, s string) *v1.Platform {
	t.Helper()
	p, err := v1.ParsePlatform(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestChoose(t *testing.T) {
	tests := []struct {
		want string
		have []string
		got  int // -1: none
	}{
		{"linux/amd64", []string{"linux/arm64", "linux/amd64"}, 1},
		{"linux/amd64", []string{"linux/386"}, 0},
		{"linux/amd64", []string{"linux/amd64/v2", "linux/amd64"}, 1},
		{"linux/amd64/v3", []string{"linux/amd64", "linux/amd64/v2", "linux/amd64/v4"}, 1},
		{"linux/arm64", []string{"linux/arm/v7", "linux/arm64/v8"}, 1},
		{"linux/arm64", []string{"linux/arm/v6", "linux/arm/v7"}, 1},
		{"linux/arm/v7", []string{"linux/arm/v5", "linux/arm/v6", "linux/arm64"}, 1},
		{"linux/arm/v6", []string{"linux/arm/v7"}, -1},
		{"arm64", []string{"linux/arm64"}, 0},
		{"armhf", []string{"linux/arm64", "linux/arm/v7"}, 1},
		{"linux/x86_64", []string{"linux/amd64"}, 0},
		{"linux/amd64", []string{"windows/amd64", "linux/s390x", "unknown/unknown"}, -1},
		{"linux/amd64", []string{"unknown/unknown", ""}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.want+" of "+strings.Join(tt.have, " "), func(t *testing.T) {
			var entries []v1.Descriptor
			for i, h := range tt.have {
				d := v1.Descriptor{Size: int64(i)}
				if h != "" {
					d.Platform = platformOfText(t, h)
				}
				entries = append(entries, d)
			}
			want, err := ParsePlatform(tt.want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := choose(entries, want)
			if tt.got < 0 {
				if !errors.Is(err, vzcontract.ErrNotFound) {
					t.Fatalf("choose = %v, %v; want ErrNotFound", got, err)
				}
				for _, h := range tt.have {
					if strings.Contains(err.Error(), h) == strings.HasPrefix(h, "unknown") {
						t.Errorf("error %q: wrong about %s", err, h)
					}
				}
				return
			}
			if err != nil || got.Size != int64(tt.got) {
				t.Errorf("choose = entry %d, %v; want %d", got.Size, err, tt.got)
			}
		})
	}
}

func TestParsePlatformOfSystemAlone(t *testing.T) {
	if p, err := ParsePlatform("linux"); err != nil || p != HostPlatform() {
		t.Errorf("ParsePlatform(linux) = %v, %v", p, err)
	}
}

func TestParsePlatformRefuses(t *testing.T) {
	for _, s := range []string{"foo", "/", "linux/", "a/b/c/d", "linux//v7"} {
		if p, err := ParsePlatform(s); !errors.Is(err, vzcontract.ErrValidation) {
			t.Errorf("ParsePlatform(%q) = %v, %v", s, p, err)
		}
	}
}

func TestPullFromIndexes(t *testing.T) {
	s := registrytest.New(t)
	want := s.AddImage(t, "a", "", registrytest.ImageOptions{}, registrytest.Gzip(t, registrytest.Tar(t, "f", "amd64")))
	other := s.AddImage(t, "a", "", registrytest.ImageOptions{Platform: v1.Platform{OS: "linux", Architecture: "arm64"}}, registrytest.Gzip(t, registrytest.Tar(t, "f", "arm64")))
	index := s.AddIndex(t, "a", "multi", other.Manifest, want.Manifest)
	nested := v1.Descriptor{MediaType: types.OCIImageIndex, Digest: index}
	s.AddIndex(t, "a", "nested", nested)
	deep := nested
	for range 5 {
		deep.Digest = s.AddIndex(t, "a", "deep", deep)
	}
	for _, tag := range []string{"multi", "nested", index.String()} {
		store := newDirStore(t)
		got, err := Pull(t.Context(), store, untar, request(t, s, "a", tag))
		if err != nil {
			t.Fatalf("%s: %v", tag, err)
		}
		if got.Manifest.Digest != want.Manifest.Digest || !store.Has(got.Target.Digest) {
			t.Errorf("%s: result %+v", tag, got)
		}
	}
	if _, err := Pull(t.Context(), newDirStore(t), untar, request(t, s, "a", "deep")); !errors.Is(err, vzcontract.ErrValidation) || !strings.Contains(err.Error(), "nested") {
		t.Errorf("deep index: %v", err)
	}
	req := request(t, s, "a", "multi")
	req.Platform = "linux/ppc64le"
	if _, err := Pull(t.Context(), newDirStore(t), untar, req); !errors.Is(err, vzcontract.ErrNotFound) || !strings.Contains(err.Error(), "linux/amd64, linux/arm64") {
		t.Errorf("no such platform: %v", err)
	}
}

func TestParse(t *testing.T) {
	const (
		h    = `"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"`
		conf = `"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":` + h + `,"size":2}`
	)
	tests := []struct {
		name, raw string
		header    types.MediaType
		class     error
	}{
		{"image", `{"schemaVersion":2,` + conf + `,"layers":[]}`, types.OCIManifestSchema1, nil},
		{"image as plain JSON", `{"schemaVersion":2,` + conf + `,"layers":[]}`, "application/json", nil},
		{"index", `{"schemaVersion":2,"manifests":[{"digest":` + h + `,"size":2}]}`, types.OCIImageIndex, nil},
		{"empty index", `{"schemaVersion":2,"manifests":[]}`, types.OCIImageIndex, vzcontract.ErrValidation},
		{"both", `{"schemaVersion":2,"manifests":[],"layers":[]}`, types.OCIImageIndex, vzcontract.ErrValidation},
		{"schema 1", `{"schemaVersion":1,"fsLayers":[]}`, types.DockerManifestSchema1Signed, vzcontract.ErrUnsupported},
		{"two documents", `{"schemaVersion":2,` + conf + `} {}`, types.OCIManifestSchema1, vzcontract.ErrValidation},
		{"no config", `{"schemaVersion":2,"layers":[]}`, types.OCIManifestSchema1, vzcontract.ErrValidation},
		{"huge config", `{"schemaVersion":2,"config":{"digest":` + h + `,"size":99999999}}`, types.OCIManifestSchema1, vzcontract.ErrValidation},
		{"negative size", `{"schemaVersion":2,"config":{"digest":` + h + `,"size":-1}}`, types.OCIManifestSchema1, vzcontract.ErrValidation},
		{"path for a digest", `{"schemaVersion":2,"config":{"digest":"sha256:../../etc/passwd","size":1}}`, types.OCIManifestSchema1, vzcontract.ErrValidation},
		{"sha512", `{"schemaVersion":2,"config":{"digest":"sha512:` + strings.Repeat("0", 128) + `","size":1}}`, types.OCIManifestSchema1, vzcontract.ErrValidation},
		{"web page", `<html>`, "text/html", vzcontract.ErrValidation},
		{"something else", `{"schemaVersion":2}`, "application/json", vzcontract.ErrUnsupported},
	}
	for _, tt := range tests {
		if _, err := parse([]byte(tt.raw), tt.header); !errors.Is(err, tt.class) || (err == nil) != (tt.class == nil) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.class)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","size":2},"layers":[]}`), string(types.OCIManifestSchema1))
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"digest":"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","size":2}]}`), "")
	f.Fuzz(func(t *testing.T, raw []byte, header string) {
		p, err := parse(raw, types.MediaType(header))
		if err != nil {
			if c := vzcontract.CodeOf(err); c != vzcontract.CodeValidation && c != vzcontract.CodeUnsupported {
				t.Errorf("error %v has code %s", err, c)
			}
			return
		}
		all := append([]v1.Descriptor{p.config}, p.layers...)
		if p.index != nil {
			all = p.index
		}
		for _, d := range all {
			if len(d.Digest.Hex) != 64 || strings.ContainsAny(d.Digest.Hex, "/.") || d.Size < 0 {
				t.Errorf("accepted descriptor %+v", d)
			}
		}
	})
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(`{"rootfs":{"type":"layers","diff_ids":["sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parseConfig(raw, 1)
		if err == nil && len(c.RootFS.DiffIDs[0].Hex) != 64 {
			t.Errorf("accepted diffID %v", c.RootFS.DiffIDs[0])
		}
	})
}
