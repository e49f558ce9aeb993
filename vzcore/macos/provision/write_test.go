package provision

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

// newVolume is a directory that looks like the data volume of an installed macOS.
func newVolume(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{"Library/Preferences", "Users", "private/etc", "private/var/db/dslocal/nodes/Default/users"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, name), 0o755))
	}
	return root
}

// owners notes who would own what, where the test may not give files away.
type owners map[string][2]int

func (o owners) writer(root string) Writer {
	return Writer{Chown: func(f *os.File, uid, gid int) error {
		name, err := filepath.Rel(root, f.Name())
		o[name] = [2]int{uid, gid}
		return err
	}}
}

func TestWrite(t *testing.T) {
	tree, err := Files(options())
	require.NoError(t, err)
	root, got := newVolume(t), owners{}
	require.NoError(t, tree.Write(t.Context(), root, got.writer(root)))
	require.NoError(t, tree.Write(t.Context(), root, got.writer(root)), "again")
	for _, e := range tree {
		info, err := os.Lstat(filepath.Join(root, e.Path))
		require.NoError(t, err)
		owner, made := got[e.Path]
		require.Equal(t, e.Dir(), info.IsDir(), e.Path)
		if !made {
			require.True(t, e.Dir(), e.Path)
			continue
		}
		require.Equal(t, [2]int{e.UID, e.GID}, owner, e.Path)
		require.Equal(t, e.Mode.Perm(), info.Mode().Perm(), e.Path)
		if !e.Dir() {
			content, err := os.ReadFile(filepath.Join(root, e.Path))
			require.NoError(t, err)
			require.Equal(t, string(e.Content), string(content))
		}
	}
	require.Equal(t, [2]int{501, 20}, got["Users/dev/Library/Preferences"])
	require.NoError(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		require.NotContains(t, filepath.Base(path), ".vz-", "nothing is left of the writing")
		return err
	}))
}

// TestOwners gives files away, which only root can.
func TestOwners(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("requires root")
	}
	tree, err := Files(options())
	require.NoError(t, err)
	root := newVolume(t)
	require.NoError(t, tree.Write(t.Context(), root, Writer{}))
	info, err := os.Lstat(filepath.Join(root, "Users/dev/Library/Preferences/com.apple.SetupAssistant.plist"))
	require.NoError(t, err)
	require.Contains(t, ownerOf(info), "501:20")
}

// TestLinks puts links where the tree writes: nothing outside of the volume changes.
func TestLinks(t *testing.T) {
	tree, err := Files(options())
	require.NoError(t, err)
	for _, e := range tree {
		for _, kind := range []string{"dangling", "to a directory", "to a file"} {
			t.Run(e.Path+" "+kind, func(t *testing.T) {
				outside := t.TempDir()
				target := filepath.Join(outside, "d")
				switch kind {
				case "to a directory":
					require.NoError(t, os.Mkdir(target, 0o755))
				case "to a file":
					require.NoError(t, os.WriteFile(target, []byte("mine"), 0o600))
				}
				root := newVolume(t)
				link := filepath.Join(root, e.Path)
				require.NoError(t, os.MkdirAll(filepath.Dir(link), 0o755))
				require.NoError(t, os.RemoveAll(link))
				require.NoError(t, os.Symlink(target, link))
				err := tree.Write(t.Context(), root, owners{}.writer(root))
				require.ErrorIs(t, err, vzcontract.ErrDenied)
				require.ErrorContains(t, err, e.Path)
				switch kind {
				case "dangling":
					require.NoFileExists(t, target)
				case "to a directory":
					left, err := os.ReadDir(target)
					require.NoError(t, err)
					require.Empty(t, left)
				case "to a file":
					content, err := os.ReadFile(target)
					require.NoError(t, err)
					require.Equal(t, "mine", string(content))
				}
				if done := "private/var/db/.AppleSetupDone"; e.Path != done {
					require.NoFileExists(t, filepath.Join(root, done), "an unfinished volume keeps its Setup Assistant")
				}
			})
		}
	}
	t.Run("the volume itself", func(t *testing.T) {
		link := filepath.Join(t.TempDir(), "link")
		require.NoError(t, os.Symlink(newVolume(t), link))
		require.Error(t, tree.Write(t.Context(), link, owners{}.writer(link)))
	})
	t.Run("a hard link", func(t *testing.T) {
		root, file := newVolume(t), filepath.Join(t.TempDir(), "f")
		require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
		require.NoError(t, os.Link(file, filepath.Join(root, "private/etc/kcpassword")))
		require.NoError(t, tree.Write(t.Context(), root, owners{}.writer(root)))
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, "mine", string(content))
	})
}

func TestWrongVolume(t *testing.T) {
	tree, err := Files(options())
	require.NoError(t, err)
	root := newVolume(t)
	require.NoError(t, os.RemoveAll(filepath.Join(root, "private/var/db/dslocal/nodes/Default")))
	err = tree.Write(t.Context(), root, owners{}.writer(root))
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	require.ErrorContains(t, err, "/private/var/db/dslocal/nodes/Default: it is not the data volume")
	left, err := os.ReadDir(filepath.Join(root, "Library/Preferences"))
	require.NoError(t, err)
	require.Empty(t, left, "it is found before anything is written")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, tree.Write(ctx, newVolume(t), Writer{}), context.Canceled)
}

func TestTreeStaysInside(t *testing.T) {
	for _, path := range []string{"../x", "/x", ".", "a/../../x", "a//b", "no/parent"} {
		require.Error(t, Tree{dir("a", 0o755), file(path, 0o600, nil)}.Write(t.Context(), t.TempDir(), Writer{}), path)
	}
}
