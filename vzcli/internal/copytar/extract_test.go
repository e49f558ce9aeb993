package copytar

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSetuid: a program that runs as one user of a container does not come out as one
// that runs as who copies it, unless it keeps its owner.
func TestSetuid(t *testing.T) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, h := range []*tar.Header{{Name: "d", Typeflag: tar.TypeDir, Mode: 0o1777}, {Name: "d/program", Typeflag: tar.TypeReg, Mode: 0o6755}} {
		h.Uid, h.Gid = os.Getuid(), os.Getgid()
		require.NoError(t, w.WriteHeader(h))
	}
	require.NoError(t, w.Close())
	for keep, want := range map[bool]fs.FileMode{false: 0o755, true: 0o755 | fs.ModeSetuid | fs.ModeSetgid} {
		root, err := os.OpenRoot(t.TempDir())
		require.NoError(t, err)
		defer root.Close()
		_, err = Extract(root, bytes.NewReader(archive.Bytes()), Options{From: "d", To: "out", KeepOwner: keep})
		require.NoError(t, err)
		for name, mode := range map[string]fs.FileMode{"out/program": want, "out": fs.ModeDir | fs.ModeSticky | 0o777} {
			info, err := root.Stat(name)
			require.NoError(t, err)
			require.Equal(t, mode, info.Mode(), "%s, keeping owners: %v", name, keep)
		}
	}
}

// archived is an archive of entries whose contents are "new".
func archived(t *testing.T, entries ...tar.Header) *bytes.Reader {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, h := range entries {
		h.Mode = 0o755
		if h.Typeflag == tar.TypeReg {
			h.Size = 3
		}
		require.NoError(t, w.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			_, err := w.Write([]byte("new"))
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return bytes.NewReader(archive.Bytes())
}

// TestLinks: links in what is copied, now or before, lead no file that comes after them to
// the user's files beside it.
func TestLinks(t *testing.T) {
	dir := tar.Header{Name: "d/", Typeflag: tar.TypeDir}
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}
	}
	hard := func(name, to string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: to} }
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
	for name, tt := range map[string]struct {
		archives [][]tar.Header
		refused  bool
	}{
		"file through its link":             {archives: [][]tar.Header{{dir, link("d/x", "../profile"), file("d/x")}}},
		"file through an earlier link":      {archives: [][]tar.Header{{dir, link("d/x", "../profile")}, {dir, file("d/x")}}},
		"the only file through an earlier":  {archives: [][]tar.Header{{link("d", "profile")}, {file("d")}}},
		"file behind a link":                {archives: [][]tar.Header{{dir, link("d/x", "../keys"), file("d/x/key")}}, refused: true},
		"file behind an earlier link":       {archives: [][]tar.Header{{dir, link("d/x", "../keys")}, {dir, file("d/x/key")}}, refused: true},
		"directory in place of a link":      {archives: [][]tar.Header{{dir, link("d/x", "../keys"), {Name: "d/x/", Typeflag: tar.TypeDir}, file("d/x/key")}}, refused: true},
		"link in place of a directory":      {archives: [][]tar.Header{{dir, {Name: "d/x/", Typeflag: tar.TypeDir}, link("d/x", "../keys"), file("d/x/key")}}, refused: true},
		"hard link behind a link":           {archives: [][]tar.Header{{dir, link("d/x", "../keys"), hard("d/y", "d/x/key"), file("d/y")}}, refused: true},
		"hard link to a link":               {archives: [][]tar.Header{{dir, link("d/x", "../profile"), hard("d/y", "d/x"), file("d/y")}}},
		"directory that comes after a file": {archives: [][]tar.Header{{dir, file("d/x/key"), {Name: "d/x/", Typeflag: tar.TypeDir}}}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			root, err := os.OpenRoot(t.TempDir())
			require.NoError(t, err)
			defer root.Close()
			require.NoError(t, root.Mkdir("keys", 0o700))
			for _, own := range []string{"profile", "keys/key"} {
				require.NoError(t, root.WriteFile(own, []byte("old"), 0o600))
			}
			for _, entries := range tt.archives {
				_, err = Extract(root, archived(t, entries...), Options{From: "d", To: "d"})
			}
			if tt.refused {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
			}
			for _, own := range []string{"profile", "keys/key"} {
				text, err := root.ReadFile(own)
				require.NoError(t, err)
				require.Equal(t, "old", string(text), own)
			}
		})
	}
}
