package images

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const mediaType = "application/vnd.oci.image."

// A descriptor names a blob of a layout.
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
}

// A layer is a compressed blob and the digest of what is in it.
type layer struct {
	descriptor
	diffID string
}

// A layout is an OCI image layout being written.
type layout struct {
	dir   string
	index []descriptor
}

func newLayout(dir string) (*layout, error) {
	return &layout{dir: dir}, os.MkdirAll(filepath.Join(dir, "blobs", "sha256"), 0o755)
}

// tag gives an image or index its name in the layout.
func (l *layout) tag(d descriptor, name string) {
	d.Annotations = map[string]string{"org.opencontainers.image.ref.name": name}
	l.index = append(l.index, d)
}

// finish writes the files that make the directory a layout.
func (l *layout) finish() error {
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": l.index})
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(l.dir, "index.json"), index, 0o644),
		os.WriteFile(filepath.Join(l.dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644))
}

// json adds v as a blob.
func (l *layout) json(v any, kind string) (descriptor, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return descriptor{}, err
	}
	return l.blob(bytes.NewReader(data), kind)
}

// blob adds what r has as a blob.
func (l *layout) blob(r io.Reader, kind string) (d descriptor, err error) {
	f, err := os.CreateTemp(l.dir, "blob")
	if err != nil {
		return descriptor{}, err
	}
	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(f, hash), r)
	if err = errors.Join(err, f.Close()); err != nil {
		return descriptor{}, err
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	d = descriptor{MediaType: mediaType + kind, Digest: "sha256:" + sum, Size: size}
	return d, os.Rename(f.Name(), filepath.Join(l.dir, "blobs", "sha256", sum))
}

// layer adds files as a layer, compressed with gzip or zstd.
func (l *layout) layer(files []file, compression string) (layer, error) {
	plainReader, plain := io.Pipe()
	hash := sha256.New()
	go func() { plain.CloseWithError(writeLayer(io.MultiWriter(plain, hash), files)) }()
	packedReader, packed := io.Pipe()
	go func() { packed.CloseWithError(compress(packed, plainReader, compression)) }()
	d, err := l.blob(packedReader, "layer.v1.tar+"+compression)
	err = errors.Join(err, packedReader.Close(), plainReader.Close())
	return layer{descriptor: d, diffID: "sha256:" + hex.EncodeToString(hash.Sum(nil))}, err
}

func compress(w io.Writer, r io.Reader, compression string) error {
	switch compression {
	case "gzip":
		gz, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			return err
		}
		_, err = io.Copy(gz, r)
		return errors.Join(err, gz.Close())
	case "zstd":
		cmd := exec.Command("zstd", "-q", "-3", "-c")
		cmd.Stdin, cmd.Stdout = r, w
		return cmd.Run()
	}
	return fmt.Errorf("no compression %q", compression)
}

// image adds an image for the architecture with the layers and settings.
func (l *layout) image(architecture string, config Config, layers ...layer) (descriptor, error) {
	diffIDs, descriptors := []string{}, []descriptor{}
	for _, y := range layers {
		diffIDs = append(diffIDs, y.diffID)
		descriptors = append(descriptors, y.descriptor)
	}
	c, err := l.json(map[string]any{
		"created": time.Unix(0, 0).UTC(), "architecture": architecture, "os": "linux", "config": config,
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs},
	}, "config.v1+json")
	if err != nil {
		return descriptor{}, err
	}
	d, err := l.json(map[string]any{
		"schemaVersion": 2, "mediaType": mediaType + "manifest.v1+json", "config": c, "layers": descriptors,
	}, "manifest.v1+json")
	d.Platform = &platform{OS: "linux", Architecture: architecture}
	return d, err
}

// multi adds an index of images.
func (l *layout) multi(images ...descriptor) (descriptor, error) {
	return l.json(map[string]any{"schemaVersion": 2, "mediaType": mediaType + "index.v1+json", "manifests": images}, "index.v1+json")
}
