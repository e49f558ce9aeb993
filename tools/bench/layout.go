package main

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// formats are those that layers are compressed in.
var formats = []string{"gzip", "zstd"}

// A layout is an OCI layout on disk.
type layout struct{ dir string }

// writeLayout writes a layout of one image a format, named by it, whose only
// layer is the archive.
func writeLayout(dir, archive string) error {
	l := layout{dir}
	if err := os.MkdirAll(l.blob(""), 0o755); err != nil { //nolint:gosec // an image
		return err
	}
	var manifests []any
	for _, format := range formats {
		m, err := l.image(archive, format)
		if err != nil {
			return err
		}
		m["annotations"] = map[string]string{"org.opencontainers.image.ref.name": format}
		manifests = append(manifests, m)
	}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": manifests})
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "index.json"), index, 0o644),                                    //nolint:gosec // an image
		os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644)) //nolint:gosec // an image
}

func (l layout) blob(hex string) string { return filepath.Join(l.dir, "blobs", "sha256", hex) }

// image writes one image and returns the descriptor of its manifest.
func (l layout) image(archive, format string) (map[string]any, error) {
	layer, diffID, err := l.layer(archive, format)
	if err != nil {
		return nil, err
	}
	config, err := l.json(map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{"Cmd": []string{"/bin/true"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{diffID}},
	}, "config.v1+json")
	if err != nil {
		return nil, err
	}
	return l.json(map[string]any{
		"schemaVersion": 2, "mediaType": mediaType("manifest.v1+json"), "config": config, "layers": []any{layer},
	}, "manifest.v1+json")
}

// layer compresses the archive into a blob.
func (l layout) layer(archive, format string) (descriptor map[string]any, diffID string, err error) {
	in, err := os.Open(archive)
	if err != nil {
		return nil, "", err
	}
	defer in.Close()
	packed := filepath.Join(l.dir, format)
	out, err := os.Create(packed)
	if err != nil {
		return nil, "", err
	}
	defer out.Close()
	sum, plain := sha256.New(), sha256.New()
	if err := compress(io.MultiWriter(out, sum), io.TeeReader(in, plain), format); err != nil {
		return nil, "", fmt.Errorf("compress %s with %s: %w", archive, format, err)
	}
	info, err := out.Stat()
	if err != nil {
		return nil, "", err
	}
	return describe(sum, info.Size(), "layer.v1.tar+"+format), "sha256:" + hexSum(plain), os.Rename(packed, l.blob(hexSum(sum)))
}

// compress does it as container tools do: Go's gzip and zstd's level 3.
func compress(w io.Writer, r io.Reader, format string) error {
	if format == "gzip" {
		zip := gzip.NewWriter(w)
		_, err := io.Copy(zip, r)
		return errors.Join(err, zip.Close())
	}
	cmd := exec.Command("zstd", "-q", "-c", "-3")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r, w, os.Stderr
	return cmd.Run()
}

func (l layout) json(v any, kind string) (map[string]any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	sum.Write(data)
	return describe(sum, int64(len(data)), kind), os.WriteFile(l.blob(hexSum(sum)), data, 0o644) //nolint:gosec // an image
}

func describe(sum hash.Hash, size int64, kind string) map[string]any {
	return map[string]any{"mediaType": mediaType(kind), "digest": "sha256:" + hexSum(sum), "size": size}
}

func mediaType(kind string) string { return "application/vnd.oci.image." + kind }

func hexSum(sum hash.Hash) string { return hex.EncodeToString(sum.Sum(nil)) }
