package archive

import (
	"archive/tar"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzcontract"
)

// The names in an archive that mean something.
const (
	nameLayout   = "oci-layout"
	nameIndex    = "index.json"
	nameManifest = "manifest.json"
	blobs        = "blobs/sha256/"

	layoutVersion = `{"imageLayoutVersion":"1.0.0"}`
)

// Annotations of an index that name images.
const (
	annotationName = "io.containerd.image.name"
	annotationRef  = "org.opencontainers.image.ref.name"
)

// An Image is one to write.
type Image struct {
	Manifest v1.Descriptor
	Config   v1.Descriptor
	Layers   []v1.Descriptor
	Names    []Name
}

// A Name is one of an image.
type Name struct{ Complete, Familiar, Tag string }

// dockerImage is an entry of Docker's manifest.json.
type dockerImage struct {
	Config   string   `json:"Config"`
	RepoTags []string `json:"RepoTags"`
	Layers   []string `json:"Layers"`
}

// Write writes images as an OCI layout, with Docker's list besides it where
// docker is set. Blobs are verified while they are copied.
func Write(w io.Writer, images []Image, docker bool, open func(v1.Hash) (*os.File, error)) error {
	a := &writer{tar: tar.NewWriter(w), open: open, written: map[v1.Hash]bool{}}
	for _, dir := range []string{"blobs/", blobs} {
		if err := a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}); err != nil {
			return err
		}
	}
	for _, img := range images {
		for _, d := range append([]v1.Descriptor{img.Manifest, img.Config}, img.Layers...) {
			if err := a.blob(d); err != nil {
				return err
			}
		}
	}
	if err := a.file(nameLayout, []byte(layoutVersion)); err != nil {
		return err
	}
	if docker {
		if err := a.json(nameManifest, dockerList(images)); err != nil {
			return err
		}
	}
	if err := a.json(nameIndex, index(images)); err != nil {
		return err
	}
	return a.tar.Close()
}

func dockerList(images []Image) []dockerImage {
	list := make([]dockerImage, 0, len(images))
	for _, img := range images {
		d := dockerImage{Config: blobs + img.Config.Digest.Hex, Layers: []string{}}
		for _, n := range img.Names {
			d.RepoTags = append(d.RepoTags, n.Familiar)
		}
		for _, l := range img.Layers {
			d.Layers = append(d.Layers, blobs+l.Digest.Hex)
		}
		list = append(list, d)
	}
	return list
}

func index(images []Image) v1.IndexManifest {
	idx := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{}}
	for _, img := range images {
		d := img.Manifest
		d.Annotations = nil
		if len(img.Names) == 0 {
			idx.Manifests = append(idx.Manifests, d)
		}
		for _, n := range img.Names {
			d.Annotations = map[string]string{annotationName: n.Complete, annotationRef: n.Tag}
			idx.Manifests = append(idx.Manifests, d)
		}
	}
	return idx
}

type writer struct {
	tar     *tar.Writer
	open    func(v1.Hash) (*os.File, error)
	written map[v1.Hash]bool
}

func (a *writer) file(name string, data []byte) error {
	if err := a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
		return err
	}
	_, err := a.tar.Write(data)
	return err
}

func (a *writer) json(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return a.file(name, data)
}

func (a *writer) blob(d v1.Descriptor) error {
	if a.written[d.Digest] {
		return nil
	}
	a.written[d.Digest] = true
	f, err := a.open(d.Digest)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: blobs + d.Digest.Hex, Mode: 0o644, Size: info.Size()}); err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(a.tar, sum), f)
	if err == nil && hex.EncodeToString(sum.Sum(nil)) != d.Digest.Hex {
		err = vzcontract.Errorf(vzcontract.ErrInternal, "blob %s is damaged; vz doctor --repair fetches it again", d.Digest)
	}
	return cmp.Or(err, a.tar.Flush())
}
