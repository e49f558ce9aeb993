package file

import (
	"archive/tar"
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzUnpack unpacks any bytes: nothing outside of the directory changes.
func FuzzUnpack(f *testing.F) {
	seed := func(headers ...tar.Header) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range headers {
			h.Uid, h.Gid = os.Getuid(), os.Getgid()
			_ = w.WriteHeader(&h)
			_, _ = w.Write(make([]byte, h.Size))
		}
		_ = w.Close()
		f.Add(b.Bytes())
	}
	seed(tar.Header{Name: "../victim", Typeflag: tar.TypeReg, Size: 3, Mode: 0o644})
	seed(tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: ".."}, tar.Header{Name: "l/victim", Typeflag: tar.TypeReg, Size: 3})
	seed(tar.Header{Name: "h", Typeflag: tar.TypeLink, Linkname: "../victim"}, tar.Header{Name: "h", Typeflag: tar.TypeReg, Size: 3})
	seed(tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../victim"}, tar.Header{Name: "l", Typeflag: tar.TypeReg, Size: 3})
	seed(tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o700}, tar.Header{Name: "d", Typeflag: tar.TypeSymlink, Linkname: ".."}, tar.Header{Name: "d/victim", Typeflag: tar.TypeReg})
	f.Fuzz(func(t *testing.T, archive []byte) {
		top := t.TempDir()
		victim := filepath.Join(top, "victim")
		require.NoError(t, os.WriteFile(victim, []byte("untouched"), 0o600))
		_ = Unpack(context.Background(), bytes.NewReader(archive), filepath.Join(top, "dir"))
		text, err := os.ReadFile(victim)
		if err != nil || string(text) != "untouched" {
			t.Errorf("a file outside is %q, %v", text, err)
		}
		entries, err := os.ReadDir(top)
		require.NoError(t, err)
		if len(entries) > 2 {
			t.Errorf("there is something else: %v", entries)
		}
		// So that the directory can be removed, whatever modes it has.
		_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				_ = os.Chmod(path, 0o700)
			}
			return nil
		})
	})
}
