//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/need"
	"vz.internal/tools/e2e/internal/registry"
	"vz.internal/tools/e2e/internal/vztest"
)

// nothingLeft fails the test if a container, a process or a mount is there.
func nothingLeft(t *testing.T, h *vztest.Home) {
	t.Helper()
	if left := h.Containers(); len(left) > 0 {
		t.Errorf("left containers %q", left)
	}
	h.Settle()
	for _, left := range h.Leaks() {
		t.Errorf("left behind: %s", left)
	}
}

func TestImagesThatCannotBeHad(t *testing.T) {
	h := vztest.New(t)
	at := address(t)
	zeros := strings.Repeat("0", 64)
	tests := []struct {
		name, image string
		words       []string
	}{
		{"unknown image", at + "/no/such", []string{"no repository no/such", "check the name"}},
		{"no such tag", strings.TrimSuffix(busybox(t, "busybox"), "busybox") + "nope", []string{"busybox:nope", "no tag nope; it has "}},
		{"wrong digest", at + "/busybox@sha256:" + zeros, []string{"no manifest sha256:" + zeros[:12]}},
		{"digest too short", at + "/busybox@sha256:00", []string{"sha256:00"}},
		{"bad name", "Upper/Case", []string{"Upper/Case", "lower"}},
		{"registry down", "127.0.0.1:1/x", []string{"127.0.0.1:1", "refused"}},
		{"no such host", "no-such-host.invalid/x", []string{"no-such-host.invalid"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			oneLine(t, h.Do("run", "--rm", "-q", tt.image, "true"), 125, tt.words...)
			oneLine(t, h.Do("pull", "-q", tt.image), 1, tt.words...)
			nothingLeft(t, h)
		})
	}
	if got := h.Must("images", "-aq"); got != "" {
		t.Errorf("left images %q", got)
	}
}

// Without an account the message says how to log in; with it everything works;
// a wrong password is told as such.
func TestUnauthorised(t *testing.T) {
	h := vztest.New(t)
	layout := busyboxLayout(t)
	s, err := registry.Start(t.TempDir(), registry.WithPassword)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Push(layout, "busybox", "secret:1"); err != nil {
		t.Fatal(err)
	}
	image := s.Address + "/secret:1"
	oneLine(t, h.Do("run", "--rm", "-q", image, "true"), 125, s.Address, "vz login")
	nothingLeft(t, h)
	oneLine(t, h.DoWith("wrong", "login", "-u", registry.User, "--password-stdin", s.Address), 1, s.Address)
	r := h.DoWith(registry.Password, "login", "-u", registry.User, "--password-stdin", s.Address)
	if r.Code != 0 {
		t.Fatal(r)
	}
	h.Must("run", "--rm", "-q", "--network", "none", image, "true")
	h.Must("logout", s.Address)
	oneLine(t, h.Do("pull", "-q", image), 1, s.Address, "vz login")
}

// full makes the home a tmpfs of the size.
func full(t *testing.T, h *vztest.Home, size string) {
	t.Helper()
	need.Programs(t, "mount", "umount")
	if err := os.Mkdir(h.Home(), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "mode=700,size="+size, "tmpfs", h.Home()).CombinedOutput(); err != nil {
		t.Fatalf("mount a tmpfs: %v: %s", err, out)
	}
	t.Cleanup(func() {
		h.Settle()
		if out, err := exec.Command("umount", h.Home()).CombinedOutput(); err != nil {
			t.Errorf("unmount the tmpfs: %v: %s", err, out)
		}
	})
}

// A pull that finds the disk full says so and leaves no image.
func TestDiskFullPull(t *testing.T) {
	h := vztest.New(t)
	full(t, h, "40m")
	oneLine(t, h.Do("run", "--rm", "-q", debian(t, "gzip"), "true"), 125, "debian:gzip", "the disk is full", "vz system prune")
	if got := h.Must("images", "-aq"); got != "" {
		t.Errorf("left image %q", got)
	}
	if got := h.Containers(); len(got) > 0 {
		t.Errorf("left containers %q", got)
	}
	h.Must("system", "prune", "-f")
	h.Must("run", "--rm", "-q", "--network", "none", busybox(t, "busybox"), "true") // there is room again
}

// So does a container whose record finds no room.
func TestDiskFullRun(t *testing.T) {
	h := vztest.New(t)
	image := busybox(t, "busybox")
	full(t, h, "20m")
	h.Must("run", "--rm", "-q", "--network", "none", image, "true")
	fill := filepath.Join(h.Home(), "fill")
	_ = exec.Command("dd", "if=/dev/zero", "of="+fill, "bs=4k", "count=16384").Run() // until it is full
	r := h.Do("run", "--rm", "-q", "--network", "none", image, "true")
	oneLine(t, r, 125, "the disk is full", "free some space")
	roomFor(t, h, fill, "run", "--rm", "-q", image, "true")
	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	if got := h.Containers(); len(got) > 0 {
		t.Errorf("left containers %q", got)
	}
	h.Must("run", "--rm", "-q", "--network", "none", image, "true")
}

// roomFor takes blocks off the file that fills the disk until the command
// succeeds. Wherever it fails before, it says why.
func roomFor(t *testing.T, h *vztest.Home, fill string, args ...string) {
	t.Helper()
	for range 256 {
		r := h.Do(args...)
		if r.Code == 0 {
			return
		}
		oneLine(t, r, 125, "the disk is full", "free some space")
		st, err := os.Stat(fill)
		if err == nil {
			err = os.Truncate(fill, max(0, st.Size()-4096))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("a megabyte is not enough")
}

// Damaged blobs do not keep what is unpacked from running. They are found when
// they are wanted, named, and had again by a repair.
func TestDamagedBlobs(t *testing.T) {
	image := busybox(t, "busybox")
	for _, damage := range []string{"emptied", "changed", "removed"} {
		t.Run(damage, func(t *testing.T) {
			h := vztest.New(t)
			h.Must("pull", "-q", image)
			blobs, err := filepath.Glob(filepath.Join(h.Home(), "images", "blobs", "sha256", "*"))
			if err != nil || len(blobs) == 0 {
				t.Fatalf("blobs = %q, %v", blobs, err)
			}
			for _, blob := range blobs {
				hurt(t, blob, damage)
			}
			h.Must("run", "--rm", "-q", "--pull", "never", "--network", "none", image, "true")
			archive := filepath.Join(t.TempDir(), "archive")
			oneLine(t, h.Do("save", "-o", archive, image), 1, "blob sha256:", "vz doctor --repair")
			if _, err := os.Stat(archive); err == nil {
				t.Error("the failed save left its file")
			}
			nothingLeft(t, h)
			h.Must("doctor", "--repair")
			h.Must("save", "-o", archive, image)
		})
	}
}

func hurt(t *testing.T, file, how string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	switch how {
	case "removed":
		return
	case "emptied":
		data = nil
	case "changed":
		data[len(data)/2] ^= 1
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
