// Package guestbundle puts a kernel, an initramfs with the guest agent and their
// version.json into a directory that vzlinux.OpenBundle opens.
package guestbundle

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// A Spec says what to build.
type Spec struct {
	Root   string // of the workspace
	Kernel string // directory that kernel.sh has made
	Agent  string // a built agent; empty builds it
	Dir    string // of the result
	Light  bool   // the agent runs no containers
}

// A kernelVersion is what kernel.sh says of its result.
type kernelVersion struct {
	Kernel  string            `json:"kernel"`
	Arch    string            `json:"arch"`
	Profile string            `json:"profile"`
	SHA256  map[string]string `json:"sha256"`
}

// Build makes the bundle. A bundle that is there is replaced file by file, the
// description last.
func Build(ctx context.Context, spec Spec) error {
	var kernel kernelVersion
	text, err := os.ReadFile(filepath.Join(spec.Kernel, vzlinux.VersionFile))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &kernel); err != nil {
		return fmt.Errorf("parse what %s says: %w", spec.Kernel, err)
	}
	hz, err := kernelHZ(filepath.Join(spec.Kernel, "config"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(spec.Dir, 0o755); err != nil {
		return err
	}
	if spec.Agent == "" {
		spec.Agent = filepath.Join(spec.Dir, ".agent")
		defer os.Remove(spec.Agent)
		if err := BuildAgent(ctx, spec, kernel.Arch); err != nil {
			return err
		}
	}
	var initramfs bytes.Buffer
	if err := WriteInitramfs(&initramfs, spec.Agent); err != nil {
		return err
	}
	if err := replace(filepath.Join(spec.Dir, vzlinux.InitramfsFile), initramfs.Bytes()); err != nil {
		return err
	}
	name := vzlinux.KernelFile(kernel.Arch)
	image, err := os.ReadFile(filepath.Join(spec.Kernel, name))
	if err != nil {
		return err
	}
	if err := replace(filepath.Join(spec.Dir, name), image); err != nil {
		return err
	}
	return describe(spec, kernel, name, hz)
}

func describe(spec Spec, kernel kernelVersion, name string, hz int) error {
	version := vzlinux.BundleVersion{
		Kernel: kernel.Kernel, Arch: kernel.Arch, Profile: kernel.Profile, HZ: hz,
		Agent: vzlinux.Version, MinRevision: agentproto.MinRevision, MaxRevision: agentproto.MaxRevision,
		Capabilities: []string{agentproto.CapabilityInit}, SHA256: map[string]string{},
	}
	if !spec.Light {
		version.Capabilities = append(version.Capabilities, agentproto.CapabilityContainers)
	}
	for _, file := range []string{name, vzlinux.InitramfsFile} {
		digest, err := vzlinux.FileDigest(filepath.Join(spec.Dir, file))
		if err != nil {
			return err
		}
		version.SHA256[file] = digest
	}
	if version.SHA256[name] != kernel.SHA256[name] {
		return fmt.Errorf("%s is not the kernel that was built: its sha256 is %s, not %s", name, version.SHA256[name], kernel.SHA256[name])
	}
	text, err := json.MarshalIndent(version, "", "  ")
	if err != nil {
		return err
	}
	return replace(filepath.Join(spec.Dir, vzlinux.VersionFile), append(text, '\n'))
}

// toolchains are the C compilers for the guest agent: its part that runs containers
// has some C in it.
var toolchains = map[string]struct{ goarch, compiler string }{
	"x86_64": {"amd64", "x86_64-linux-gnu-gcc"}, "arm64": {"arm64", "aarch64-linux-gnu-gcc"},
}

// BuildAgent builds the guest agent of spec for arch, static and with equal bytes each
// time.
func BuildAgent(ctx context.Context, spec Spec, arch string) error {
	tools, ok := toolchains[arch]
	if !ok {
		return fmt.Errorf("build the guest agent for %q: x86_64 and arm64 are known", arch)
	}
	tags, link, environment := "netgo,osusergo", "-s -w -buildid=", []string{"GOOS=linux", "GOARCH=" + tools.goarch}
	if spec.Light { // what has C in it is for containers
		tags += ",nocontainers"
		environment = append(environment, "CGO_ENABLED=0")
	} else {
		compiler := tools.compiler
		if tools.goarch == runtime.GOARCH {
			compiler = "gcc"
		}
		if _, err := exec.LookPath(compiler); err != nil {
			return fmt.Errorf("build the guest agent: %w: kernel/kernel.sh packages %s", err, arch)
		}
		link += " -linkmode external -extldflags '-static -Wl,--build-id=none'"
		environment = append(environment, "CGO_ENABLED=1", "CC="+compiler)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags="+tags, "-ldflags="+link, "-o", spec.Agent, "./cmd/vz-guest-agent")
	cmd.Dir = filepath.Join(spec.Root, "vzlinux")
	cmd.Env = append(os.Environ(), environment...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the guest agent: %w\n%s", err, out)
	}
	return nil
}

// kernelHZ returns how often a second a kernel counts time by its configuration.
func kernelHZ(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "CONFIG_HZ="); ok {
			return strconv.Atoi(strings.TrimSpace(value))
		}
	}
	return 0, fmt.Errorf("%s has no CONFIG_HZ", path)
}

func replace(path string, content []byte) error {
	next := path + ".new"
	if err := os.WriteFile(next, content, 0o644); err != nil {
		return err
	}
	return os.Rename(next, path)
}
