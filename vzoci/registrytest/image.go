package registrytest

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A Layer is a layer's archive and how it travels.
type Layer struct {
	Tar []byte
	// Blob is Tar as it is stored in the registry.
	Blob      []byte
	MediaType types.MediaType
}

// Tar makes an archive of regular files, in the order name, contents, name, ….
func Tar(t testing.TB, namesAndContents ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i+1 < len(namesAndContents); i += 2 {
		name, contents := namesAndContents[i], namesAndContents[i+1]
		h := &tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(contents))}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(contents)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Gzip returns a gzip layer.
func Gzip(t testing.TB, archive []byte) Layer {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(archive); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return Layer{archive, b.Bytes(), types.OCILayer}
}

// Zstd returns a zstd layer.
func Zstd(t testing.TB, archive []byte) Layer {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return Layer{archive, w.EncodeAll(archive, nil), types.OCILayerZStd}
}

// Plain returns an uncompressed layer.
func Plain(archive []byte) Layer { return Layer{archive, archive, types.OCIUncompressedLayer} }

// An Image is what [Server.AddImage] stored.
type Image struct {
	Manifest v1.Descriptor
	Config   v1.Descriptor
	Layers   []v1.Descriptor
	DiffIDs  []v1.Hash
	Raw      []byte // the manifest
}

// ImageOptions of [Server.AddImage].
type ImageOptions struct {
	Platform v1.Platform     // default linux/amd64
	Config   v1.Config       // of the container
	Types    types.MediaType // of the manifest; default OCI's
	DiffIDs  []v1.Hash       // in place of the right ones
	// Edit changes the manifest before it is stored.
	Edit func(*v1.Manifest)
}

// AddImage stores an image under tag, if not empty, and its digest.
func (s *Server) AddImage(t testing.TB, repository, tag string, opts ImageOptions, layers ...Layer) Image {
	t.Helper()
	if opts.Platform.OS == "" {
		opts.Platform = v1.Platform{OS: "linux", Architecture: "amd64"}
	}
	configType := types.OCIConfigJSON
	if opts.Types == "" {
		opts.Types = types.OCIManifestSchema1
	} else if opts.Types == types.DockerManifestSchema2 {
		configType = types.DockerConfigJSON
	}
	var img Image
	m := v1.Manifest{SchemaVersion: 2, MediaType: opts.Types, Layers: []v1.Descriptor{}}
	for _, l := range layers {
		d := s.AddBlob(repository, l.Blob)
		m.Layers = append(m.Layers, v1.Descriptor{MediaType: l.MediaType, Digest: d, Size: int64(len(l.Blob))})
		img.DiffIDs = append(img.DiffIDs, Digest(l.Tar))
	}
	if opts.DiffIDs != nil {
		img.DiffIDs = opts.DiffIDs
	}
	config := marshal(t, v1.ConfigFile{
		OS: opts.Platform.OS, Architecture: opts.Platform.Architecture, Variant: opts.Platform.Variant,
		Config: opts.Config, RootFS: v1.RootFS{Type: "layers", DiffIDs: img.DiffIDs},
	})
	m.Config = v1.Descriptor{MediaType: configType, Digest: s.AddBlob(repository, config), Size: int64(len(config))}
	if opts.Edit != nil {
		opts.Edit(&m)
	}
	img.Raw = marshal(t, m)
	img.Manifest = v1.Descriptor{
		MediaType: opts.Types, Size: int64(len(img.Raw)), Platform: &opts.Platform,
		Digest: s.AddManifest(repository, tag, opts.Types, img.Raw),
	}
	img.Config, img.Layers = m.Config, m.Layers
	return img
}

// AddIndex stores an index of manifests under tag.
func (s *Server) AddIndex(t testing.TB, repository, tag string, manifests ...v1.Descriptor) v1.Hash {
	t.Helper()
	raw := marshal(t, v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: manifests})
	return s.AddManifest(repository, tag, types.OCIImageIndex, raw)
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
