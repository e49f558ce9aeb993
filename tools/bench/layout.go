package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// imageSize is how many bytes of files the pulled image has.
const imageSize = 128 << 20

// writeLayout writes an OCI layout with one layer of files of many sizes, half
// of whose bytes can be compressed.
func writeLayout(dir string) error {
	blobs := filepath.Join(dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil { //nolint:gosec // an image
		return err
	}
	blob := func(data []byte, kind string) (map[string]any, error) {
		sum := sha256.Sum256(data)
		name := hex.EncodeToString(sum[:])
		err := os.WriteFile(filepath.Join(blobs, name), data, 0o644) //nolint:gosec // an image
		return map[string]any{"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + name, "size": len(data)}, err
	}
	asJSON := func(v any, kind string) (map[string]any, error) {
		data, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		return blob(data, kind)
	}
	packed, diffID, err := layer()
	if err != nil {
		return err
	}
	layerBlob, err := blob(packed, "layer.v1.tar+gzip")
	if err != nil {
		return err
	}
	config, err := asJSON(map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{"Cmd": []string{"/bin/true"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{diffID}},
	}, "config.v1+json")
	if err != nil {
		return err
	}
	manifest, err := asJSON(map[string]any{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": []any{layerBlob},
	}, "manifest.v1+json")
	if err != nil {
		return err
	}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []any{manifest}})
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "index.json"), index, 0o644),                                    //nolint:gosec // an image
		os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644)) //nolint:gosec // an image
}

func layer() (packed []byte, diffID string, err error) {
	var out bytes.Buffer
	sum := sha256.New()
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(io.MultiWriter(zip, sum))
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same files each time
	for written, i := 0, 0; written < imageSize; i++ {
		size := 1 << (8 + random.IntN(13)) // 256 bytes to 1 MiB
		data := make([]byte, size)
		for at := range data {
			data[at] = byte('a' + at%16)
			if at%64 < 32 {
				data[at] = byte(random.Uint32())
			}
		}
		h := &tar.Header{Name: fmt.Sprintf("data/%03d/%d", i%100, i), Mode: 0o644, Size: int64(size), Typeflag: tar.TypeReg, ModTime: time.Unix(1e9, 0)}
		if err := w.WriteHeader(h); err != nil {
			return nil, "", err
		}
		if _, err := w.Write(data); err != nil {
			return nil, "", err
		}
		written += size
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		return nil, "", err
	}
	return out.Bytes(), "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}
