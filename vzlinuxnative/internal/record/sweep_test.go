//go:build linux

package record

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLostNames damages the links that names are in every way, and has them
// made again.
func TestLostNames(t *testing.T) {
	for what, damage := range map[string]func(link string) error{
		"removed":  func(string) error { return nil },
		"file":     func(link string) error { return os.WriteFile(link, []byte("junk"), 0o600) },
		"folder":   func(link string) error { return os.Mkdir(link, 0o700) },
		"nowhere":  func(link string) error { return os.Symlink("nowhere", link) },
		"of other": func(link string) error { return os.Symlink(testID("b"), link) },
	} {
		t.Run(what, func(t *testing.T) {
			s := New(t.TempDir())
			create(t, s, testID("a"), "one")
			create(t, s, testID("b"), "two")
			link := filepath.Join(s.names(), "one")
			require.NoError(t, os.Remove(link))
			require.NoError(t, damage(link))
			found, err := s.Verify()
			require.NoError(t, err)
			require.Contains(t, found, "the name one does not lead to container "+testID("a"))
			_, err = s.Sweep()
			require.NoError(t, err)
			for name, want := range map[string]string{"one": testID("a"), "two": testID("b")} {
				got, err := s.Find(name)
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
			found, err = s.Verify()
			require.NoError(t, err)
			require.Empty(t, found)
		})
	}
}
