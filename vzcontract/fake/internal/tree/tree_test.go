package tree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func sample(t *testing.T) *View {
	t.Helper()
	m := NewMem()
	for _, n := range []struct {
		name string
		node Node
	}{
		{"/a", Node{Mode: fs.ModeDir | 0o755}},
		{"/a/b", Node{Mode: fs.ModeDir | 0o755}},
		{"/a/b/f", Node{Mode: 0o644, Data: []byte("f")}},
		{"/abs", Node{Mode: fs.ModeSymlink, Link: "/a/b"}},
		{"/a/rel", Node{Mode: fs.ModeSymlink, Link: "b/f"}},
		{"/a/up", Node{Mode: fs.ModeSymlink, Link: "../../../../a"}},
		{"/loop", Node{Mode: fs.ModeSymlink, Link: "loop"}},
		{"/mnt", Node{Mode: fs.ModeDir | 0o755}},
	} {
		if err := m.Put(n.name, n.node); err != nil {
			t.Fatal(err)
		}
	}
	other := NewMem()
	if err := other.Put("/inner", Node{Mode: 0o600, Data: []byte("m")}); err != nil {
		t.Fatal(err)
	}
	return NewView(Mount{Target: "/", FS: m}, Mount{Target: "/mnt", FS: other, ReadOnly: true})
}

func TestResolve(t *testing.T) {
	v := sample(t)
	tests := []struct {
		in     string
		follow Follow
		want   string
		err    error
	}{
		{in: "/", want: "/"},
		{in: "a/b/f", want: "/a/b/f"},
		{in: "/abs/f", want: "/a/b/f"},
		{in: "/abs", want: "/abs"},
		{in: "/abs", follow: FollowLast, want: "/a/b"},
		{in: "/a/rel", follow: FollowLast, want: "/a/b/f"},
		{in: "/a/up/b/f", want: "/a/b/f"},
		{in: "/abs/../rel", want: "/a/rel"},
		{in: "../../../a/b", want: "/a/b"},
		{in: "/a/new", want: "/a/new"},
		{in: "/mnt/inner", want: "/mnt/inner"},
		{in: "/none/x", err: fs.ErrNotExist},
		{in: "/a/b/f/x", err: syscall.ENOTDIR},
		{in: "/loop/x", err: syscall.ELOOP},
	}
	for _, tt := range tests {
		got, err := v.Resolve(tt.in, tt.follow)
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("Resolve(%q, %v) = %q, %v, want %q, %v", tt.in, tt.follow, got, err, tt.want, tt.err)
		}
	}
}

func TestViewChanges(t *testing.T) {
	v := sample(t)
	if err := v.Put("/mnt/x", Node{Mode: 0o644}); !errors.Is(err, syscall.EROFS) {
		t.Errorf("write to a read-only mount = %v, want EROFS", err)
	}
	if err := v.Remove("/mnt"); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("removal of a mount point = %v, want EBUSY", err)
	}
	if err := v.Remove("/a"); !errors.Is(err, syscall.ENOTEMPTY) {
		t.Errorf("removal of a full directory = %v, want ENOTEMPTY", err)
	}
	if err := v.MkdirAll("/abs/x/y", 0o755); err != nil {
		t.Fatal(err)
	}
	if n, err := v.Stat("/a/b/x/y"); err != nil || !n.Mode.IsDir() {
		t.Errorf("directories made through a link: %v, %v", n.Mode, err)
	}
	if err := v.RemoveAll("/a"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Lstat("/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after removal: %v", err)
	}
}

// TestHostStaysInside reads a host directory whose links lead out of it.
func TestHostStaysInside(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	h, err := OpenHost(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	v := NewView(Mount{Target: "/", FS: NewMem()}, Mount{Target: "/data", FS: h})
	if n, err := v.Stat("/data/link"); err == nil {
		t.Errorf("a link out of the directory was followed: %q", n.Data)
	}
	if err := v.Put("/data/new", Node{Mode: 0o640, Data: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "new")); err != nil || string(data) != "x" {
		t.Errorf("the host reads %q, %v", data, err)
	}
	if loaded, err := Load(dir); err != nil || len(loaded.Nodes()) != 3 {
		t.Errorf("Load = %v, %v, want the root, the link and the file", loaded, err)
	}
}
