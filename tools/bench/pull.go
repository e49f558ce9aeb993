package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A puller pulls a reference into an empty store at dir.
type puller struct {
	tool    string
	command func(dir, ref string) []string
}

func (b *bench) pullers(vz string) []puller {
	return []puller{
		{"vz", func(dir, ref string) []string {
			return []string{"env", "VZ_HOME=" + dir, "VZ_RUN=" + dir + "/run", vz, "pull", "-q", ref}
		}},
		{"podman", func(dir, ref string) []string {
			return []string{"podman", "--root", dir, "--runroot", dir + "/run", "pull", "-q", "--tls-verify=false", ref}
		}},
	}
}

// imageSize is how many bytes of files the pulled image has.
const imageSize = 128 << 20

// pull measures pull and unpack from a registry on loopback: gzip and zstd, on
// a tmpfs and on the disk of the temporary directory.
func (b *bench) pull(vz string, rounds int) (results []result, err error) {
	for _, program := range []string{"docker-registry", "skopeo"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%w: the case pull needs it", err)
		}
	}
	address, stop, err := b.registry()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	layout := filepath.Join(b.dir, "layout")
	if err := writeLayout(layout); err != nil {
		return nil, err
	}
	for _, format := range []string{"gzip", "zstd"} {
		err := quiet("skopeo", "copy", "-q", "--dest-tls-verify=false", "--dest-compress-format", format, "--dest-force-compress-format",
			"oci:"+layout, "docker://"+address+"/bench:"+format)
		if err != nil {
			return nil, err
		}
	}
	tmpfs := filepath.Join(b.dir, "tmpfs")
	if err := os.Mkdir(tmpfs, 0o755); err != nil { //nolint:gosec // a store
		return nil, err
	}
	if err := quiet("mount", "-t", "tmpfs", "tmpfs", tmpfs); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, quiet("umount", "-l", tmpfs)) }()
	for _, place := range []string{"tmpfs", "disk"} {
		for _, format := range []string{"gzip", "zstd"} {
			base := tmpfs
			if place == "disk" {
				base = b.dir
			}
			some, err := b.pullOne("pull-"+place+"-"+format, base, address+"/bench:"+format, b.pullers(vz), rounds)
			if err != nil {
				return nil, err
			}
			results = append(results, some...)
		}
	}
	return results, nil
}

func (b *bench) pullOne(name, base, ref string, pullers []puller, rounds int) ([]result, error) {
	results := make([]result, len(pullers))
	for range rounds {
		for i, p := range pullers {
			if _, err := exec.LookPath(p.tool); err != nil && p.tool != "vz" {
				continue
			}
			dir := filepath.Join(base, "store")
			if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // a store
				return nil, err
			}
			began := time.Now()
			err := quiet(p.command(dir, ref)...)
			results[i].took = append(results[i].took, time.Since(began))
			if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
				return nil, fmt.Errorf("%s: %w", p.tool, err)
			}
		}
	}
	kept := results[:0]
	for i, p := range pullers {
		if len(results[i].took) > 0 {
			results[i].summarize(name, p.tool)
			kept = append(kept, results[i])
		}
	}
	return kept, nil
}

// registry starts Debian's docker-registry on a free port.
func (b *bench) registry() (address string, stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	address = l.Addr().String()
	if err := l.Close(); err != nil {
		return "", nil, err
	}
	file := filepath.Join(b.dir, "registry.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %q}\n", filepath.Join(b.dir, "registry"), address)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "docker-registry", "serve", file)
	if err := cmd.Start(); err != nil {
		cancel()
		return "", nil, err
	}
	stop = func() error {
		cancel()
		_ = cmd.Wait() // killed, as it should be
		return nil
	}
	for range 200 {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return address, stop, c.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return "", nil, errors.Join(errors.New("docker-registry does not listen"), stop())
}

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
