package vmrecord

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func TestDraft(t *testing.T) {
	r := registry(t)
	d, err := r.Draft("a")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(d.Dir, "disk.img"), nil, 0o600))
	all, err := r.List()
	require.NoError(t, err)
	require.Empty(t, all, "it is none yet")
	require.NoError(t, d.Commit(Record{Name: "a", MacOS: &MacOS{Version: "15.6.1"}}))
	require.NoError(t, d.Close())
	rec, err := r.Open("a")
	require.NoError(t, err)
	require.Equal(t, "15.6.1", rec.MacOS.Version)
	require.FileExists(t, filepath.Join(r.Dir("a"), "disk.img"))
	_, err = r.Draft("a")
	require.ErrorIs(t, err, vzcontract.ErrConflict)

	// Who is faster has the name.
	one, err := r.Draft("b")
	require.NoError(t, err)
	two, err := r.Draft("b")
	require.NoError(t, err)
	require.NoError(t, one.Commit(Record{Name: "b"}))
	require.ErrorIs(t, two.Commit(Record{Name: "b"}), vzcontract.ErrConflict)
	require.NoError(t, one.Close())
	require.NoError(t, two.Close())
	require.NoDirExists(t, two.Dir)
}

func TestSweep(t *testing.T) {
	r := registry(t)
	killed, err := r.Draft("a")
	require.NoError(t, err)
	require.NoError(t, killed.guard.Close()) // as the end of its process does
	other, err := r.Draft("b")
	require.NoError(t, err)
	require.NoError(t, r.Sweep())
	require.DirExists(t, killed.Dir, "somebody makes a machine; nobody knows which")
	require.NoError(t, other.Commit(Record{Name: "b"}))
	require.NoError(t, other.Close())
	require.NoError(t, r.Sweep())
	require.NoDirExists(t, killed.Dir)
	_, err = r.Open("b")
	require.NoError(t, err)
}
