package vzoci

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/registrytest"
)

// On a full disk a pull says so, leaves nothing that looks whole, and goes on
// when there is space.
func TestDiskFull(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("requires root, to mount a small tmpfs")
	}
	r := registrytest.New(t)
	r.AddImage(t, "a", "v1", registrytest.ImageOptions{}, registrytest.Plain(registrytest.Tar(t, "big", strings.Repeat("x", 3<<20))))
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("requires the right to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := open(t, dir)
	_, err := s.PullImage(t.Context(), r.Host()+"/a:v1", vzcontract.PullOptions{Platform: "linux/amd64"})
	if !errors.Is(err, vzcontract.ErrUnavailable) || !strings.Contains(err.Error(), "disk is full") || strings.Contains(err.Error(), "\n") {
		t.Errorf("pull: %v, want that the disk is full, in one line", err)
	}
	intact(t, s)
	if n := count(t, s, "layers") + count(t, s, "refs") + count(t, s, "images") + count(t, s, "sessions"); n != 0 {
		t.Errorf("%d things are left", n)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	pullOf(t, s, r.Host()+"/a:v1")
	intact(t, s)
}
