package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vz.internal/tools/internal/guestbundle"
	"vz.internal/vzlinux"
)

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Equal kernels and agents give bundles of equal bytes, other agents others.
func TestEqualInputsGiveEqualBytes(t *testing.T) {
	kernel, agent := t.TempDir(), filepath.Join(t.TempDir(), "agent")
	put(t, filepath.Join(kernel, vzlinux.KernelFile("amd64")), "kernel")
	put(t, filepath.Join(kernel, vzlinux.VersionFile),
		fmt.Sprintf(`{"kernel": "6.1", "arch": "amd64", "profile": "base", "sha256": {%q: "%x"}}`, vzlinux.KernelFile("amd64"), sha256.Sum256([]byte("kernel"))))
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
