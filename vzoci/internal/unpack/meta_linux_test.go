package unpack

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func layer(t testing.TB, data []byte, lowers ...string) (string, Result) {
	t.Helper()
	dir := t.TempDir()
	got, err := Apply(t.Context(), dir, bytes.NewReader(data), Options{Lowers: lowers})
	if err != nil {
		t.Fatal(err)
	}
	return dir, got
}

// capability is cap_net_raw=ep, as the kernel stores it.
const capability = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

func owned(uid, gid int, mode int64) func(*tar.Header) {
	return func(h *tar.Header) { h.Uid, h.Gid, h.Mode = uid, gid, mode }
}

func TestMeta(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("requires root, to give files away")
	}
	dir, _ := layer(t, archive(t,
		folder("./").with(owned(5, 6, 0o751)),
		folder("d").with(owned(1000, 29, 0o3700)),
		file("d/setuid", "x").with(owned(1000, 1000, 0o6755)),
		file("d/ping", "x").with(owned(0, 1, 0o755)).with(withXattr("security.capability", capability)),
		file("d/read-only", "x").with(owned(0, 0, 0)).with(withXattr("user.note", "a=b")),
		folder("d/inside").with(withXattr("trusted.note", "t")).with(owned(0, 0, 0)),
		symlink("d/link", "/x").with(owned(7, 8, 0o777)),
		entry{Header: tar.Header{Name: "d/fifo", Typeflag: tar.TypeFifo, Mode: 0o1622, Uid: 9}},
		device("d/tty", tar.TypeChar, 5, 0).with(owned(0, 5, 0o666)),
		hardlink("hard", "d/setuid"),
	))
	sum := "1 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	const at = "1500000000.123456789"
	want := []string{
		`"." 40751 5:6`,
		`"d" 43700 1000:29 ` + at,
		`"d/fifo" 11622 9:0 ` + at,
		`"d/inside" 40000 0:0 ` + at + ` trusted.note="t"`,
		`"d/link" 120777 7:8 ` + at + ` -> /x`,
		`"d/ping" 100755 0:1 ` + at + ` ` + sum + ` security.capability="` + `\x01\x00\x00\x02\x00 ` + strings.Repeat(`\x00`, 14) + `"`,
		`"d/read-only" 100000 0:0 ` + at + ` ` + sum + ` user.note="a=b"`,
		`"d/setuid" 106755 1000:1000 ` + at + ` ` + sum,
		`"d/tty" 20666 0:5 ` + at + ` 5:0`,
		`"hard" 106755 1000:1000 ` + at + ` ` + sum + ` = d/setuid`,
	}
	if diff := cmp.Diff(want, snapshot(t, dir)); diff != "" {
		t.Error(diff)
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil || st.Mtim.Sec != fixed.Unix() {
		t.Errorf("time of the root = %v, %v", st.Mtim, err)
	}
}

// Parents that this layer does not mention look as in the layer below.
func TestParentsOfLowerLayers(t *testing.T) {
	lower, _ := layer(t, archive(t,
		folder("./").with(owned(os.Geteuid(), os.Getegid(), 0o711)),
		folder("a").with(owned(os.Geteuid(), os.Getegid(), 0o1750)),
		folder("a/b").with(owned(os.Geteuid(), os.Getegid(), 0o701)).with(withXattr("user.note", "x")), file("a/b/old", "")))
	upper, _ := layer(t, archive(t, file("a/b/new", "x").with(owned(os.Geteuid(), os.Getegid(), 0o644))), lower)
	low, up := snapshot(t, lower), snapshot(t, upper)
	for i := range 3 { // ".", "a", "a/b"
		if low[i] != up[i] {
			t.Errorf("%s in the layer below, %s here", low[i], up[i])
		}
	}
}

// What becomes of whiteouts on disk, which a mounted overlay does not show.
func TestWhiteoutsOnDisk(t *testing.T) {
	lower, _ := layer(t, archive(t, file("d/a", ""), file("d/b", ""), file("e/a", ""), file("f", "")))
	upper, _ := layer(t, archive(t, file("d/.wh.a", ""), file("d/.wh.none", ""), file("e/.wh..wh..opq", ""), file(".wh.f", ""), folder("f")), lower)
	opaqueText := func(name string) bool {
		return slices.ContainsFunc(snapshot(t, upper), func(l string) bool {
			return strings.HasPrefix(l, `"`+name+`"`) && strings.Contains(l, `overlay.opaque="y"`)
		})
	}
	if got := names(snapshot(t, upper)); got != "d d/a e f" {
		t.Errorf("names = %s", got)
	}
	var st unix.Stat_t
	if err := unix.Lstat(filepath.Join(upper, "d/a"), &st); err != nil || !isWhiteout(&st) {
		t.Errorf("d/a is no whiteout: %v", err)
	}
	for name, want := range map[string]bool{"d": false, "e": true, "f": true} {
		if opaqueText(name) != want {
			t.Errorf("%s is opaque: %v", name, !want)
		}
	}
}

func TestSparse(t *testing.T) {
	const size = 4 << 20
	body := make([]byte, size)
	copy(body[size/2:], "middle")
	dir, got := layer(t, archive(t, file("zeros", string(make([]byte, size))), file("middle", string(body))))
	if got.Size != holeSize {
		t.Errorf("size = %d, want %d", got.Size, holeSize)
	}
	for name, want := range map[string][]byte{"zeros": make([]byte, size), "middle": body} {
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(data, want) {
			t.Errorf("%s: other contents (%v)", name, err)
		}
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil || st.Blocks*512 > 2*holeSize {
			t.Errorf("%s takes %d bytes, %v", name, st.Blocks*512, err)
		}
	}
}
