package qemu

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

// TestEntries looks into the sandbox of a virtiofsd while the entries of its share come
// and go. No guest is needed for that.
func TestEntries(t *testing.T) {
	if unix.Geteuid() != 0 {
		t.Skip("only root can share several directories")
	}
	if _, err := Virtiofsd(); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "source")
	must(t, os.Mkdir(source, 0o755))
	must(t, os.WriteFile(filepath.Join(source, "f"), []byte("x"), 0o644))
	served := &share{}
	connection, err := serveShare(served, config.Share{Tag: "t", Growing: true}, dir)
	must(t, err)
	defer connection.Close()
	defer served.close()
	root := sandbox(t, served.daemon.cmd.Process.Pid)
	m := &machine{driver: &Driver{shares: Virtiofs}, dir: dir, run: &run{shares: map[string]*share{"t": served}}}
	ctx := t.Context()

	must(t, m.AddEntry(ctx, "t", config.Entry{Name: "rw", Source: source}))
	must(t, m.AddEntry(ctx, "t", config.Entry{Name: "ro", Source: source, ReadOnly: true}))
	must(t, m.AddEntry(ctx, "t", config.Entry{Name: "file", Source: filepath.Join(source, "f")}))
	if err := m.AddEntry(ctx, "t", config.Entry{Name: "rw", Source: source}); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second entry of that name: %v", err)
	}
	if err := m.AddEntry(ctx, "t", config.Entry{Name: "none", Source: filepath.Join(dir, "none")}); !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("an entry of what does not exist: %v, want not found", err)
	}
	if err := m.AddEntry(ctx, "other", config.Entry{Name: "x", Source: source}); !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("an entry of no share: %v, want not found", err)
	}
	for _, name := range []string{"rw/f", "ro/f", "file"} {
		if text, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(text) != "x" {
			t.Errorf("%s in the sandbox = %q, %v, want x", name, text, err)
		}
	}
	must(t, os.WriteFile(filepath.Join(root, "rw/g"), nil, 0o644))
	if err := os.WriteFile(filepath.Join(root, "ro/h"), nil, 0o644); !errors.Is(err, unix.EROFS) {
		t.Errorf("write to a read-only entry: %v, want a read-only file system", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "share-t", "rw")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the host sees the entries too: %v", err)
	}

	must(t, m.RemoveEntry(ctx, "t", "rw"))
	if _, err := os.Stat(filepath.Join(root, "rw")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an entry that was removed: %v, want none", err)
	}
	must(t, m.AddEntry(ctx, "t", config.Entry{Name: "rw", Source: source}))
	if _, err := os.Stat(filepath.Join(root, "rw/g")); err != nil {
		t.Errorf("an entry that was added again: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sandbox returns the root of the child in which a virtiofsd serves, once it has it.
func sandbox(t *testing.T, pid int) (root string) {
	t.Helper()
	require.Eventually(t, func() bool {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		if err != nil {
			return false
		}
		for _, child := range strings.Fields(string(children)) {
			root = "/proc/" + child + "/root"
			if entries, err := os.ReadDir(root); err == nil && len(entries) == 0 {
				return true
			}
		}
		return false
	}, time.Minute, 5*time.Millisecond, "virtiofsd has not entered its sandbox")
	return root
}
