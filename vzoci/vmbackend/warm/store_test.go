//go:build unix

package warm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcore"
	"vz.internal/vzoci/vmbackend/warm"
)

func print(n int) string { return fmt.Sprintf("%064x", n) }

// save writes a snapshot of a kernel.
func save(t *testing.T, kernel string) func(dir string) error {
	return func(dir string) error {
		require.NoError(t, os.Mkdir(dir, 0o700))
		text, err := json.Marshal(vzcore.Manifest{Version: 2, Kernel: kernel})
		require.NoError(t, err)
		return os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o600)
	}
}

func add(s warm.Store, print string, save func(dir string) error) error {
	m, err := s.Maker()
	if err != nil {
		return err
	}
	return errors.Join(m.Make(print, save), m.Close())
}

func fingerprints(t *testing.T, s warm.Store) (all []string) {
	t.Helper()
	list, err := s.List()
	require.NoError(t, err)
	for _, one := range list {
		all = append(all, one.Fingerprint)
	}
	return all
}

func TestMakeAndFind(t *testing.T) {
	s := warm.At(t.TempDir())
	require.True(t, s.Empty())
	_, ok := s.Find(print(1))
	require.False(t, ok)
	require.ErrorContains(t, add(s, print(1), func(dir string) error {
		return errors.Join(os.Mkdir(dir, 0o700), errors.New("the disk is full"))
	}), "the disk is full")
	require.True(t, s.Empty())
	require.NoDirExists(t, filepath.Join(s.Dir, ".new"))
	require.NoError(t, add(s, print(1), save(t, "k")))
	require.False(t, s.Empty())
	dir, ok := s.Find(print(1))
	require.True(t, ok)
	require.FileExists(t, filepath.Join(dir, "manifest.json"))
	require.NoError(t, add(s, print(1), func(string) error { return errors.New("it was made again") }))
}

// TestOneMaker: who comes while another makes one does not wait for it.
func TestOneMaker(t *testing.T) {
	s := warm.At(t.TempDir())
	m, err := s.Maker()
	require.NoError(t, err)
	require.DirExists(t, m.Scratch)
	require.NoError(t, m.Make(print(1), func(dir string) error {
		other, err := s.Maker()
		require.NoError(t, err)
		require.Nil(t, other)
		require.True(t, s.Empty(), "a half-made one is not found")
		return save(t, "k")(dir)
	}))
	require.NoError(t, m.Close())
	require.Equal(t, []string{print(1)}, fingerprints(t, s))
	m, err = s.Maker()
	require.NoError(t, err)
	require.NotNil(t, m)
	require.NoError(t, m.Close())
	require.NoDirExists(t, m.Scratch)
}

// TestMakeAfterAKill: what a killed process has left is neither used nor in the way.
func TestMakeAfterAKill(t *testing.T) {
	s := warm.At(t.TempDir())
	for _, left := range []string{".new", ".gone-1"} {
		require.NoError(t, os.MkdirAll(filepath.Join(s.Dir, left, print(7)), 0o700))
	}
	require.True(t, s.Empty())
	require.NoError(t, add(s, print(1), save(t, "k")))
	entries, err := os.ReadDir(s.Dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "the lock and the new one: %v", entries)
}

// TestBounds: the least used go when there are too many, and those of another kernel.
func TestBounds(t *testing.T) {
	s := warm.At(t.TempDir())
	for i := range warm.MaxSnapshots {
		require.NoError(t, add(s, print(i), save(t, "k")))
		at := time.Now().Add(time.Duration(i-100) * time.Minute)
		require.NoError(t, os.Chtimes(filepath.Join(s.Dir, print(i)), at, at))
	}
	_, ok := s.Find(print(0)) // now the one used last
	require.True(t, ok)
	require.NoError(t, add(s, print(9), save(t, "k")))
	require.Equal(t, []string{print(0), print(2), print(3), print(9)}, fingerprints(t, s))
	require.NoError(t, add(s, print(10), save(t, "another")))
	require.Equal(t, []string{print(10)}, fingerprints(t, s))
}

func TestPrune(t *testing.T) {
	s := warm.At(t.TempDir())
	removed, freed, err := s.Prune()
	require.NoError(t, err)
	require.Empty(t, removed)
	require.Zero(t, freed)
	require.NoDirExists(t, s.Dir)
	require.NoError(t, add(s, print(1), save(t, "k")))
	removed, freed, err = s.Prune()
	require.NoError(t, err)
	require.Equal(t, []string{print(1)}, removed)
	require.Positive(t, freed)
	require.True(t, s.Empty())
	require.NoError(t, s.Remove(print(1)), "removing what is gone is no failure")
}
