package builtin

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
)

// program writes the smallest ELF file for a machine, and more behind it.
func program(t *testing.T, machine elf.Machine, more string) string {
	t.Helper()
	var b bytes.Buffer
	head := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Ehsize: 64, Phentsize: 56, Shentsize: 64}
	copy(head.Ident[:], elf.ELFMAG)
	head.Ident[elf.EI_CLASS], head.Ident[elf.EI_DATA], head.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	if err := binary.Write(&b, binary.LittleEndian, head); err != nil {
		t.Fatal(err)
	}
	b.WriteString(more)
	path := filepath.Join(t.TempDir(), "vz-box")
	if err := os.WriteFile(path, b.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestImage(t *testing.T) {
	m, err := New(program(t, elf.EM_X86_64, "one"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := New(program(t, elf.EM_X86_64, "one"))
	if err != nil || again.Digest() != m.Digest() {
		t.Errorf("the same program elsewhere makes %v, %v", again, err)
	}
	other, err := New(program(t, elf.EM_X86_64, "two"))
	if err != nil || other.ID() == m.ID() {
		t.Errorf("another program makes the same image, %v", err)
	}
	var manifest v1.Manifest
	var config v1.ConfigFile
	for doc, into := range map[string]any{string(m.Manifest()): &manifest, string(m.Config()): &config} {
		if err := json.Unmarshal([]byte(doc), into); err != nil {
			t.Fatal(err)
		}
	}
	layer := readLayer(t, m)
	if manifest.Config.Digest != m.ID() || manifest.Layers[0].Digest != digestOf(layer) || manifest.Layers[0].Size != int64(len(layer)) ||
		config.RootFS.DiffIDs[0] != digestOf(layer) || m.DiffID() != digestOf(layer) || m.LayerSize() != int64(len(layer)) {
		t.Errorf("manifest = %s, config = %s, the layer has %d bytes, %s", m.Manifest(), m.Config(), len(layer), digestOf(layer))
	}
	if config.Architecture != "amd64" || config.OS != "linux" || !slices.Equal(config.Config.Cmd, m.ImageConfig().Cmd) {
		t.Errorf("config = %s", m.Config())
	}
}

func readLayer(t *testing.T, m *Image) []byte {
	t.Helper()
	r, err := m.Layer()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestLayer(t *testing.T) {
	m, err := New(program(t, elf.EM_AARCH64, "x"))
	if err != nil || m.Platform().Architecture != "arm64" {
		t.Fatal(m, err)
	}
	found := map[string]*tar.Header{}
	contents := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(readLayer(t, m))); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		found[h.Name], contents[h.Name] = h, string(data)
	}
	for name, mode := range map[string]int64{"tmp/": 0o1777, "root/": 0o700, "home/app/": 0o755, "bin/vz-box": 0o755, "bin/sh": 0o777} {
		if found[name] == nil || found[name].Mode != mode {
			t.Errorf("%s = %+v", name, found[name])
		}
	}
	if contents["etc/passwd"] != conformance.Passwd || contents["etc/group"] != conformance.Group {
		t.Error("the users are not those that the conformance suite expects")
	}
	if h := found["home/app/"]; h.Uid != 1000 || h.Gid != 1000 {
		t.Errorf("home of app belongs to %d:%d", h.Uid, h.Gid)
	}
	if !slices.IsSorted(Programs()) {
		t.Error("the programs are not sorted")
	}
}

func TestNewFails(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		text:                             vzcontract.ErrValidation,
		program(t, elf.EM_PPC64, ""):     vzcontract.ErrValidation,
		filepath.Join(t.TempDir(), "no"): fs.ErrNotExist,
	} {
		if _, err := New(path); !errors.Is(err, want) {
			t.Errorf("New(%s) = %v, want %v", path, err, want)
		}
	}
}

// A binary that is replaced by a shorter one while its layer is read.
func TestBinaryChanges(t *testing.T) {
	path := program(t, elf.EM_X86_64, "more")
	m, err := New(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 64); err != nil {
		t.Fatal(err)
	}
	r, err := m.Layer()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error = %v, want one that says that the file is short", err)
	}
}
