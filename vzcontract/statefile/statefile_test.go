//go:build unix

package statefile

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	long := strings.Repeat("state ", 10_000)
	for name, text := range map[string]string{"file": "text\n", "empty": "", "long": long} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Read(at(name)); err != nil || string(got) != text {
			t.Errorf("Read(%s) = %d bytes, %v", name, len(got), err)
		}
		f, err := Open(at(name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil || string(got) != text {
			t.Errorf("Open(%s) = %d bytes, %v", name, len(got), err)
		}
	}
	if _, err := Read(at("nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of nothing: %v", err)
	}
}

// What is no file is an error, not a wait.
func TestReadIrregular(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(syscall.Mkfifo(at("pipe"), 0o600), os.Mkdir(at("directory"), 0o700), os.Symlink("/dev/zero", at("device"))); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for _, name := range []string{"pipe", "directory", "device", "socket"} {
		if _, err := Read(at(name)); !errors.Is(err, ErrIrregular) || !strings.Contains(err.Error(), at(name)) {
			t.Errorf("Read(%s) = %v", name, err)
		}
		if _, err := Open(at(name)); !errors.Is(err, ErrIrregular) {
			t.Errorf("Open(%s) = %v", name, err)
		}
	}
}
