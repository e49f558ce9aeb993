package unpack

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"vz.internal/vzcontract"
)

func TestApplyFails(t *testing.T) {
	errSource := errors.New("the line is dead")
	data := archive(t, folder("a"), file("a/b", strings.Repeat("x", 100_000)), symlink("a/c", "b"))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		r    io.Reader
		want error
	}{
		{"source at the start", t.Context(), iotest.ErrReader(errSource), errSource},
		{"source in a file", t.Context(), io.MultiReader(bytes.NewReader(data[:50_000]), iotest.ErrReader(errSource)), errSource},
		{"source says unexpected EOF", t.Context(), io.MultiReader(bytes.NewReader(data[:50_000]), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF},
		{"cancelled", cancelled, bytes.NewReader(data), context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := Apply(tt.ctx, dir, tt.r, Options{}); !errors.Is(err, tt.want) {
				t.Errorf("error = %v, want %v", err, tt.want)
			}
			if left := names(snapshot(t, dir)); left != "" {
				t.Errorf("left behind: %s", left)
			}
		})
	}
}

func TestApplyNeedsAnEmptyDirectory(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "mine")
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Apply(t.Context(), dir, bytes.NewReader(archive(t, file("a", ""))), Options{}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("error = %v", err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}

// Layers are unpacked side by side: one below may not be there yet.
func TestLowerMissing(t *testing.T) {
	lower := filepath.Join(t.TempDir(), "later")
	for _, e := range []entry{file("a/.wh.b", ""), file("a/b", ""), hardlink("b", "a")} {
		dir := t.TempDir()
		if _, err := Apply(t.Context(), dir, bytes.NewReader(archive(t, e)), Options{Lowers: []string{lower}}); !errors.Is(err, ErrLowerMissing) {
			t.Errorf("%s: error = %v", e.Name, err)
		}
	}
	dir, got := layer(t, archive(t, file("a", "x"), folder("d"), file("d/e", "")), lower)
	if !got.RootFromBelow {
		t.Error("the root is said to be complete")
	}
	if err := os.Mkdir(lower, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := InheritRoot(dir, lower); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o711 {
		t.Errorf("root = %v, %v", st.Mode(), err)
	}
	if _, got := layer(t, archive(t, folder("./"), file("a", "x")), filepath.Join(lower, "none")); got.RootFromBelow {
		t.Error("the root of the archive does not count")
	}
}

// More directories than are kept open, and deeper than that.
func TestManyDirectories(t *testing.T) {
	var all []entry
	deep := strings.Repeat("d/", 2*maxOpen)
	for i := range 3 * maxOpen {
		all = append(all, file("w/"+strconv.Itoa(i)+"/f", "x"), file(deep+strconv.Itoa(i), "y"))
	}
	all = append(all, hardlink("w/0/again", deep+"7"))
	dir, got := layer(t, archive(t, all...))
	if got.Entries != int64(len(all)) {
		t.Errorf("entries = %d, want %d", got.Entries, len(all))
	}
	for _, e := range all {
		if _, err := os.Lstat(filepath.Join(dir, e.Name)); err != nil {
			t.Error(err)
		}
	}
}

const asNobody = "VZ_TEST_UNPACK_AS_NOBODY"

// TestWithoutRoot runs itself as another user if it is root.
func TestWithoutRoot(t *testing.T) {
	if os.Geteuid() == 0 && os.Getenv(asNobody) == "" {
		dir, err := os.MkdirTemp("", "vz-unpack-*") // t.TempDir is root's alone
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		for d := filepath.Dir(dir); d != "/"; d = filepath.Dir(d) {
			if st, err := os.Stat(d); err != nil || st.Mode()&0o001 == 0 {
				t.Skipf("requires a temporary directory that nobody can enter, not %s", d)
			}
		}
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		program := filepath.Join(dir, "test")
		if err := copyProgram(program); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(program, "-test.run=^TestWithoutRoot$", "-test.v")
		cmd.Env = append(os.Environ(), asNobody+"=1", "TMPDIR="+dir)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestWithoutRoot") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	lower, _ := layer(t, archive(t, file("d/a", "x"), file("e/x", "x")))
	dir, got := layer(t, archive(t,
		folder("locked").with(func(h *tar.Header) { h.Mode = 0 }), file("locked/f", "x").with(owned(33, 33, 0)),
		file("note", "x").with(owned(0, 0, 0o400)).with(withXattr("user.note", "n")),
		file("ping", "x").with(withXattr("security.capability", capability)),
		device("null", tar.TypeChar, 1, 3), file("d/.wh.a", ""), file("e/.wh..wh..opq", ""),
	), lower)
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "locked"), 0o700) })
	if len(got.LeftOut) != 2 {
		t.Errorf("left out = %q, want the device and the capability", got.LeftOut)
	}
	if err := os.Chmod(filepath.Join(dir, "locked"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "locked/f"), 0o400); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(snapshot(t, dir), "\n")
	for _, want := range []string{`user.note="n"`, `"null" 100620`, `user.overlay.opaque="y"`, `"d/a" 20`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	bad := t.TempDir()
	_, err := Apply(t.Context(), bad, bytes.NewReader(archive(t, folder("x").with(func(h *tar.Header) { h.Mode = 0 }), file("x/y", ""), hardlink("z", "no"))), Options{})
	if left := names(snapshot(t, bad)); !errors.Is(err, vzcontract.ErrValidation) || left != "" {
		t.Errorf("error = %v, left behind: %s", err, left)
	}
}

func copyProgram(to string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}
