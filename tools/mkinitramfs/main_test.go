package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vz.internal/tools/internal/guestbundle"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// fakeKernel is a directory as kernel.sh makes it.
func fakeKernel(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, vzlinux.KernelFile("x86_64")), "kernel")
	put(t, filepath.Join(dir, "config"), "CONFIG_HZ_250=y\nCONFIG_HZ=250\n")
	put(t, filepath.Join(dir, vzlinux.VersionFile),
		fmt.Sprintf(`{"kernel": "6.1", "arch": "x86_64", "profile": "base", "sha256": {%q: "%x"}}`, vzlinux.KernelFile("x86_64"), sha256.Sum256([]byte("kernel"))))
	return dir
}

// A bundle says what its kernel and agent are.
func TestBundleDescribesItself(t *testing.T) {
	kernel, agent := fakeKernel(t), filepath.Join(t.TempDir(), "agent")
	put(t, agent, "agent")
	for light, capabilities := range map[bool][]string{
		false: {agentproto.CapabilityInit, agentproto.CapabilityContainers}, true: {agentproto.CapabilityInit},
	} {
		dir := t.TempDir()
		if err := run(t.Context(), guestbundle.Spec{Kernel: kernel, Agent: agent, Dir: dir, Light: light}); err != nil {
			t.Fatal(err)
		}
		b, err := vzlinux.OpenBundle(dir, "x86_64")
		if err != nil {
			t.Fatal(err)
		}
		if b.Version.HZ != 250 || !slices.Equal(b.Version.Capabilities, capabilities) {
			t.Errorf("light %v: HZ %d, capabilities %q", light, b.Version.HZ, b.Version.Capabilities)
		}
	}
}

// Equal kernels and agents give bundles of equal bytes, other agents others.
func TestEqualInputsGiveEqualBytes(t *testing.T) {
	kernel, agent := fakeKernel(t), filepath.Join(t.TempDir(), "agent")
	made := func(program string) []byte {
		put(t, agent, program)
		dir := t.TempDir()
		if err := run(t.Context(), guestbundle.Spec{Kernel: kernel, Agent: agent, Dir: dir}); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(dir, vzlinux.InitramfsFile))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if !bytes.Equal(made("agent"), made("agent")) {
		t.Error("the same agent gives two archives")
	}
	if bytes.Equal(made("agent"), made("other")) {
		t.Error("another agent gives the same archive")
	}
}

func TestRefuses(t *testing.T) {
	if err := run(t.Context(), guestbundle.Spec{}); err == nil || !strings.Contains(err.Error(), "-kernel and -o are needed") {
		t.Errorf("run without flags = %v", err)
	}
	if err := run(t.Context(), guestbundle.Spec{Kernel: t.TempDir(), Dir: t.TempDir()}); err == nil {
		t.Error("a directory without a kernel was taken")
	}
}
