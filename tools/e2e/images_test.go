//go:build linux

package e2e

import (
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/images"
	"vz.internal/tools/e2e/internal/vztest"
)

// Every form in which Debian was pushed is the same Debian when it runs.
func TestDebianImages(t *testing.T) {
	h := vztest.New(t)
	const leaveOut = `-path /proc -prune -o -path /dev -prune -o -path /sys -prune -o -path / -o -path /etc -o -path /etc/hosts -o -path /etc/hostname -o -path /etc/resolv.conf -o `
	const question = `cat /etc/os-release; id; pwd; list=$( (find / -xdev ` + leaveOut + `-type d -printf "%M %U:%G %TY-%Tm-%Td %TT %p\n"; ` +
		`find / -xdev ` + leaveOut + `! -type d -printf "%M %U:%G %s %TY-%Tm-%Td %TT %p %l\n") | sort); sha256sum <<<$list; wc -w <<<$list`
	first := ""
	for _, tag := range []string{"gzip", "zstd", "five"} {
		out := h.Must("run", "--rm", "--network", "none", "--pull", "always", debian(t, tag), "bash", "-c", question)
		if first == "" {
			first = out
		}
		if !strings.Contains(out, "bookworm") || out != first {
			t.Errorf("%s printed\n%s\nand gzip\n%s", tag, out, first)
		}
	}
	out := h.Must("run", "--rm", "--network", "none", debian(t, "whiteouts"), "sh", "-c", "ls /etc/debian_version; ls -d /usr/share/keyrings; ls /etc/apt; cat /etc/apt/only; true")
	if out != "only\nnew\n" {
		t.Errorf("the image with deleted files printed %q", out)
	}
}

// An index gives the image of the machine's own architecture, or names what
// there is.
func TestPlatforms(t *testing.T) {
	h := vztest.New(t)
	out := h.Must("run", "--rm", "-q", busybox(t, "multi"), "sh", "-c", "echo $IMAGE_ARCH; uname -m")
	want := map[string]string{"x86_64": "amd64", "aarch64": "arm64"}
	if f := strings.Fields(out); len(f) != 2 || want[f[1]] != f[0] {
		t.Errorf("the index with two platforms printed %q", out)
	}
	r := h.Do("run", "--rm", "-q", busybox(t, "other-arch"), "true")
	oneLine(t, r, 125, "other-arch", "linux/")
}

// An image in a list of one that is not there for this platform leaves nothing.
func TestPullOfAll(t *testing.T) {
	h := vztest.New(t)
	for _, tag := range images.BusyboxImages() {
		if tag != "other-arch" {
			h.Must("pull", "-q", busybox(t, tag))
		}
	}
	if got := len(strings.Fields(h.Must("images", "-q"))); got != len(images.BusyboxImages())-1 {
		t.Errorf("%d images after pulling %d", got, len(images.BusyboxImages())-1)
	}
}

// A layer that adds to a directory without telling of it leaves the directory as
// it was. (docker and podman give it to root with mode 755, containerd does as vz.)
func TestImpliedDirectories(t *testing.T) {
	h := vztest.New(t)
	out := h.Must("run", "--rm", "-q", "--network", "none", busybox(t, "implied"), "stat", "-c", "%n %a %u:%g", "/tmp", "/data", "/data/new", "/data/new/added")
	want := "/tmp 1777 0:0\n/data 755 1000:2000\n/data/new 755 0:0\n/data/new/added 644 0:0\n"
	if out != want {
		t.Errorf("the directories are\n%swant\n%s", out, want)
	}
}
