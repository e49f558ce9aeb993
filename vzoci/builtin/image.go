package builtin

import (
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzcontract"
)

// Ref is the name of the image.
const Ref = "vz:builtin"

// Path is the search path of programs in the image.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// made is the time of all files and of the image.
var made = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

var architectures = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// An Image is the built-in image of one binary. It is safe for concurrent use.
type Image struct {
	box      string
	size     int64 // of the binary
	platform v1.Platform
	config   []byte
	manifest []byte
	layer    v1.Descriptor
}

// New reads the binary at boxPath, a static Linux program, and computes the
// image of it. A file that is none is vzcontract.ErrValidation. The file must
// stay as it is while the image is in use.
func New(boxPath string) (*Image, error) {
	arch, err := architecture(boxPath)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(boxPath)
	if err != nil {
		return nil, err
	}
	m := &Image{box: boxPath, size: info.Size(), platform: v1.Platform{OS: "linux", Architecture: arch}}
	if err := m.describe(); err != nil {
		return nil, fmt.Errorf("make image %s: %w", Ref, err)
	}
	return m, nil
}

func architecture(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	program, err := elf.NewFile(f)
	if err != nil {
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "%s is no Linux program: %v", path, err)
	}
	arch, ok := architectures[program.Machine]
	if !ok {
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "%s is for %s; vz runs on amd64 and arm64", path, program.Machine)
	}
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			return "", vzcontract.Errorf(vzcontract.ErrValidation, "%s is not static: it needs libraries that the image does not have", path)
		}
	}
	return arch, nil
}

// describe computes the documents.
func (m *Image) describe() error {
	sum := sha256.New()
	size := &counter{}
	if err := m.write(io.MultiWriter(sum, size)); err != nil {
		return err
	}
	diffID := digest(sum)
	m.layer = v1.Descriptor{MediaType: types.OCIUncompressedLayer, Digest: diffID, Size: size.n}
	var err error
	m.config, err = json.Marshal(v1.ConfigFile{
		Created: v1.Time{Time: made}, OS: m.platform.OS, Architecture: m.platform.Architecture,
		Config: v1.Config{Cmd: []string{"sh"}, Env: []string{"PATH=" + Path}, WorkingDir: "/"},
		RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{diffID}},
		History: []v1.History{{
			Created: v1.Time{Time: made}, CreatedBy: "vz", Comment: "made of vz-box",
		}},
	})
	if err != nil {
		return err
	}
	m.manifest, err = json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1,
		Config: v1.Descriptor{MediaType: types.OCIConfigJSON, Digest: digestOf(m.config), Size: int64(len(m.config))},
		Layers: []v1.Descriptor{m.layer},
	})
	return err
}

// Config returns the image config. Its digest is the image's id.
func (m *Image) Config() []byte { return bytes.Clone(m.config) }

// Manifest returns the manifest.
func (m *Image) Manifest() []byte { return bytes.Clone(m.manifest) }

// ID returns the digest of the config.
func (m *Image) ID() v1.Hash { return digestOf(m.config) }

// Digest returns the digest of the manifest.
func (m *Image) Digest() v1.Hash { return digestOf(m.manifest) }

// DiffID returns the digest of the layer, compressed or not: it is not.
func (m *Image) DiffID() v1.Hash { return m.layer.Digest }

// LayerSize returns the bytes that Layer delivers.
func (m *Image) LayerSize() int64 { return m.layer.Size }

// Platform returns what the binary runs on.
func (m *Image) Platform() v1.Platform { return m.platform }

// ImageConfig returns the part of the config that running it needs.
func (m *Image) ImageConfig() vzcontract.ImageConfig {
	return vzcontract.ImageConfig{Cmd: []string{"sh"}, Env: []string{"PATH=" + Path}, WorkingDir: "/"}
}

// counter counts what is written.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

func digest(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%x", h.Sum(nil))}
}

func digestOf(data []byte) v1.Hash {
	h := sha256.New()
	h.Write(data)
	return digest(h)
}
