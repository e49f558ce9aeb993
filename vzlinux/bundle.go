package vzlinux

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// Conditions of a bundle that callers branch on.
var (
	// ErrNoBundle: none of the places has one.
	ErrNoBundle = errors.New("no guest bundle")
	// ErrDigest: a file is not the one that version.json describes.
	ErrDigest = errors.New("wrong digest")
)

// The files of a bundle besides the kernel.
const (
	VersionFile   = "version.json"
	InitramfsFile = "initramfs.img"
)

// KernelFile is the name of the kernel for arch: x86_64 or arm64.
func KernelFile(arch string) string {
	if arch == "arm64" {
		return "Image"
	}
	return "vmlinux"
}

// BundleVersion is what version.json of a bundle says.
type BundleVersion struct {
	Kernel       string            `json:"kernel"`
	Arch         string            `json:"arch"` // x86_64 or arm64
	Profile      string            `json:"profile"`
	HZ           int               `json:"hz,omitempty"` // CONFIG_HZ of the kernel
	Agent        string            `json:"agent"`
	MinRevision  int               `json:"min_revision"` // of the protocol
	MaxRevision  int               `json:"max_revision"`
	Capabilities []string          `json:"capabilities"`
	SHA256       map[string]string `json:"sha256"` // by file name
}

// A Bundle is what a Linux guest is booted with.
type Bundle struct {
	Dir     string
	Version BundleVersion
}

// Kernel is the path of the kernel.
func (b *Bundle) Kernel() string { return filepath.Join(b.Dir, KernelFile(b.Version.Arch)) }

// Initramfs is the path of the initramfs.
func (b *Bundle) Initramfs() string { return filepath.Join(b.Dir, InitramfsFile) }

// Digests returns the SHA-256 of kernel and initramfs in hexadecimal, which were checked.
func (b *Bundle) Digests() (kernel, initramfs string) {
	return b.Version.SHA256[KernelFile(b.Version.Arch)], b.Version.SHA256[InitramfsFile]
}

// OpenBundle opens the bundle in dir for guests of arch and checks that it fits
// this host: architecture, protocol revision, the capabilities in need and every
// digest. Each mismatch has its own error.
func OpenBundle(dir, arch string, need ...string) (*Bundle, error) {
	text, err := os.ReadFile(filepath.Join(dir, VersionFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s: %w", ErrNoBundle, dir, vzcontract.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	b := &Bundle{Dir: dir}
	if err := json.Unmarshal(text, &b.Version); err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "parse %s: %v", filepath.Join(dir, VersionFile), err)
	}
	if b.Version.Arch != arch {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "the guest bundle in %s is for %s, not %s", dir, b.Version.Arch, arch)
	}
	ours := agentproto.Hello{MinRevision: agentproto.MinRevision, MaxRevision: agentproto.MaxRevision, Version: Version}
	theirs := agentproto.Hello{MinRevision: b.Version.MinRevision, MaxRevision: b.Version.MaxRevision, Version: b.Version.Agent}
	if _, err := agentproto.Negotiate(ours, theirs); err != nil {
		return nil, fmt.Errorf("the guest bundle in %s: %w", dir, err)
	}
	for _, name := range need {
		if !slices.Contains(b.Version.Capabilities, name) {
			return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "the guest bundle in %s cannot do %q, only %q", dir, name, b.Version.Capabilities)
		}
	}
	kernel := make(chan error, 1)
	go func() { kernel <- b.check(b.Kernel()) }()
	if err := errors.Join(b.check(b.Initramfs()), <-kernel); err != nil {
		return nil, err
	}
	return b, nil
}

// check compares a file with what is said of it.
func (b *Bundle) check(path string) error {
	got, err := FileDigest(path)
	if err != nil {
		return err
	}
	if want := b.Version.SHA256[filepath.Base(path)]; got != want {
		return fmt.Errorf("%w: %s has the sha256 %s, its %s says %q", ErrDigest, path, got, VersionFile, want)
	}
	return nil
}

// FileDigest returns the SHA-256 of a file in hexadecimal.
func FileDigest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// FindBundle opens the first bundle of: explicit, if not empty; the directory
// that the environment variable VZ_LINUX_BUNDLE_DIR names; kernel/out of the work
// tree around the current directory; the installed ones beside the program. The
// first place that has a bundle counts, also if that does not fit.
func FindBundle(explicit, arch, profile string, need ...string) (*Bundle, error) {
	if dir := explicit; dir != "" {
		return OpenBundle(dir, arch, need...)
	}
	if dir := os.Getenv("VZ_LINUX_BUNDLE_DIR"); dir != "" {
		return OpenBundle(dir, arch, need...)
	}
	places := places(arch + "-" + profile)
	for _, dir := range places {
		b, err := OpenBundle(dir, arch, need...)
		if !errors.Is(err, ErrNoBundle) {
			return b, err
		}
	}
	return nil, fmt.Errorf("%w for %s in %s: build one with `make -C kernel build ARCH=%s`, or name one in VZ_LINUX_BUNDLE_DIR: %w",
		ErrNoBundle, arch, strings.Join(places, ", "), arch, vzcontract.ErrNotFound)
}

func places(name string) []string {
	var all []string
	if dir, err := os.Getwd(); err == nil {
		for ; ; dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
				all = append(all, filepath.Join(dir, "kernel", "out", name))
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	if program, err := os.Executable(); err == nil {
		dir := filepath.Dir(program)
		all = append(all, filepath.Join(dir, "..", "lib", "vz", "linux", name), filepath.Join(dir, "..", "kernel", "out", name))
	}
	return append(all, filepath.Join("/usr/local/lib/vz/linux", name), filepath.Join("/usr/lib/vz/linux", name))
}
