package secret

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func TestStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "secrets")
	s := New(dir)
	all, err := s.List()
	require.NoError(t, err)
	require.Empty(t, all)
	_, err = s.Read("key")
	require.ErrorIs(t, err, vzcontract.ErrNotFound)

	require.NoError(t, s.Create("key", strings.NewReader("hush")))
	err = s.Create("key", strings.NewReader("whisper"))
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	require.NotContains(t, err.Error(), "whisper")
	data, err := s.Read("key")
	require.NoError(t, err)
	require.Equal(t, "hush", string(data))

	info, err := os.Stat(filepath.Join(dir, "key"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
	info, err = os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())

	all, err = s.List()
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.NoError(t, s.Remove("key"))
	require.ErrorIs(t, s.Remove("key"), vzcontract.ErrNotFound)
}

func TestStoreRefusesNamesAndSizes(t *testing.T) {
	s := New(t.TempDir())
	for _, name := range []string{"", ".key", "../x", "a/b", "-x", "a b", strings.Repeat("a", 65)} {
		require.ErrorIs(t, s.Create(name, strings.NewReader("x")), vzcontract.ErrValidation, "%q", name)
		_, err := s.Read(name)
		require.ErrorIs(t, err, vzcontract.ErrValidation, "%q", name)
		require.ErrorIs(t, s.Remove(name), vzcontract.ErrValidation, "%q", name)
	}
	require.ErrorIs(t, s.Create("empty", strings.NewReader("")), vzcontract.ErrValidation)
	require.ErrorIs(t, s.Create("large", strings.NewReader(strings.Repeat("x", maxSize+1))), vzcontract.ErrValidation)
	all, err := s.List()
	require.NoError(t, err)
	require.Empty(t, all, "nothing half-made is left")
}

func TestFingerprintIsKeyedAndStays(t *testing.T) {
	dir := t.TempDir()
	first := New(dir).Fingerprint([]byte("1234"))
	require.Equal(t, first, New(dir).Fingerprint([]byte("1234")), "also in the next process")
	require.NotEqual(t, first, New(dir).Fingerprint([]byte("1235")))
	require.NotEqual(t, first, New(t.TempDir()).Fingerprint([]byte("1234")), "another store has another key")
}

func TestFingerprintAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	prints := make([]string, 20)
	var group sync.WaitGroup
	for i := range prints {
		group.Go(func() { prints[i] = New(dir).Fingerprint([]byte("x")) })
	}
	group.Wait()
	for _, p := range prints {
		require.Equal(t, prints[0], p, "one key is made")
	}
}
