//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"vz.internal/tools/e2e/internal/images"
	"vz.internal/tools/e2e/internal/need"
	"vz.internal/tools/e2e/internal/registry"
	"vz.internal/tools/internal/workspace"
)

// shared is what all tests use: a registry that fills as images are asked for.
var shared fixture

type fixture struct {
	mu     sync.Mutex
	dir    string           // guarded by mu
	server *registry.Server // guarded by mu
	pushed map[string]error // guarded by mu
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := shared.close(); err != nil {
		fmt.Fprintln(os.Stderr, "clean up:", err)
		code = 1
	}
	os.Exit(code)
}

func (f *fixture) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var err error
	if f.server != nil {
		err = f.server.Close()
	}
	if f.dir != "" {
		err = errors.Join(err, os.RemoveAll(f.dir))
	}
	return err
}

// busybox returns the reference of one of [images.BusyboxImages].
func busybox(t testing.TB, tag string) string {
	t.Helper()
	need.Root(t)
	program := need.Programs(t, append([]string{"busybox"}, registry.Programs...)...)
	return shared.image(t, "busybox", tag, func() (string, error) { return shared.busybox(program) })
}

// busyboxLayout returns the layout with [images.BusyboxImages].
func busyboxLayout(t testing.TB) string {
	t.Helper()
	busybox(t, "busybox")
	return filepath.Join(shared.dir, "busybox")
}

// busybox writes the layout once. f.mu is held.
func (f *fixture) busybox(program string) (string, error) {
	dir := filepath.Join(f.dir, "busybox")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	return dir, images.Busybox(dir, program)
}

// debian returns the reference of one of [images.DebianImages].
func debian(t testing.TB, tag string) string {
	t.Helper()
	need.Root(t)
	need.Programs(t, append(registry.Programs, images.DebianPrograms...)...)
	root, err := workspace.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	return shared.image(t, "debian", tag, func() (string, error) {
		return images.Debian(filepath.Join(root, ".cache", "e2e"))
	})
}

// address returns that of the registry.
func address(t testing.TB) string {
	t.Helper()
	need.Programs(t, registry.Programs...)
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.start(t)
	return shared.server.Address
}

// image pushes the image once and returns its reference.
func (f *fixture) image(t testing.TB, repository, tag string, layout func() (string, error)) string {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.start(t)
	name := repository + ":" + tag
	err, done := f.pushed[name]
	if !done {
		var dir string
		if dir, err = layout(); err == nil {
			err = f.server.Push(dir, tag, name)
		}
		f.pushed[name] = err
	}
	if err != nil {
		t.Fatalf("image %s: %v", name, err)
	}
	return f.server.Address + "/" + name
}

// start starts the registry unless it runs. f.mu is held.
func (f *fixture) start(t testing.TB) {
	t.Helper()
	if f.server != nil {
		return
	}
	var err error
	if f.dir, err = os.MkdirTemp("", "e2e"); err != nil {
		t.Fatal(err)
	}
	if f.server, err = registry.Start(f.dir, registry.Open); err != nil {
		t.Fatal(err)
	}
	f.pushed = map[string]error{}
}
