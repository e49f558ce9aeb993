package sandbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/need"
	"vz.internal/vzcontract"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzlinuxnative"
	"vz.internal/vzsandbox"
	"vz.internal/vzsandbox/sandboxtest"
)

// TestMain lets the test program be the monitor of the tests' containers.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "internal" && os.Args[2] == "monitor" {
		os.Exit(vzlinuxnative.MonitorMain(os.Args[3:]))
	}
	if dirs, ok := os.LookupEnv(lifeVariable); ok {
		dir, root, _ := strings.Cut(dirs, ":")
		if err := life(dir, root); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// open returns a backend below dir, for which a short path is kind to sockets.
func open(dir string) (*vzlinuxnative.Backend, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return vzlinuxnative.Open(vzlinuxnative.Options{
		Home: filepath.Join(dir, "home"), Run: filepath.Join(dir, "run"), Monitor: []string{self, "internal", "monitor"},
	})
}

// A placed backend knows its directory.
type placed struct {
	*vzlinuxnative.Backend
	dir string
}

func backend(t *testing.T) placed {
	t.Helper()
	dir, err := os.MkdirTemp("", "sandbox")
	if err != nil {
		t.Fatal(err)
	}
	b, err := open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		left, err := b.Repair(context.Background())
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return placed{b, dir}
}

// TestNative runs the suite of sandboxes.
func TestNative(t *testing.T) {
	need.Root(t)
	root := conformance.BusyboxRoot(t, need.Programs(t, "busybox"))
	sandboxtest.Run(t, sandboxtest.Config{
		New:      func(t *testing.T) vzcontract.RuntimeBackend { return backend(t) },
		Template: func(*testing.T) vzsandbox.Template { return vzsandbox.Template{Rootfs: root} },
	})
}
