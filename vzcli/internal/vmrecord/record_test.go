package vmrecord

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func registry(t *testing.T) Registry {
	t.Helper()
	return Registry{Home: t.TempDir(), Run: t.TempDir()}
}

func TestRecords(t *testing.T) {
	r := registry(t)
	all, err := r.List()
	require.NoError(t, err)
	require.Empty(t, all)
	_, err = r.Open("a")
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	require.ErrorIs(t, r.Remove("a"), vzcontract.ErrNotFound)
	require.NoError(t, r.Create(Record{Name: "a", Arch: "x86_64"}))
	require.ErrorIs(t, r.Create(Record{Name: "a"}), vzcontract.ErrConflict)
	for _, bad := range []string{"", "..", "a/b", ".a", "-a", string(make([]byte, 41))} {
		require.ErrorIs(t, r.Create(Record{Name: bad}), vzcontract.ErrValidation, bad)
	}
	rec, err := r.Open("a")
	require.NoError(t, err)
	require.Equal(t, "x86_64", rec.Arch)

	require.NoError(t, r.Create(Record{Name: "b"}))
	require.NoError(t, os.WriteFile(filepath.Join(r.Dir("b"), configFile), []byte("{"), 0o600))
	all, err = r.List()
	require.ErrorContains(t, err, filepath.Join("vms", "b", "config.json"))
	require.Len(t, all, 1)
	require.NoError(t, r.Remove("b"), "a damaged record can be removed")
	require.NoDirExists(t, r.Dir("b"))

	require.NoError(t, r.Create(Record{Name: "c"}))
	file := filepath.Join(r.Dir("c"), configFile)
	require.NoError(t, errors.Join(os.Remove(file), syscall.Mkfifo(file, 0o600)))
	all, err = r.List()
	require.ErrorContains(t, err, file)
	require.Len(t, all, 1)
	require.NoError(t, r.Remove("c"))
}

// TestLockDiesWithItsProcess shows running, orphaned and stopped machines.
func TestLockDiesWithItsProcess(t *testing.T) {
	r := registry(t)
	require.NoError(t, r.Create(Record{Name: "a"}))
	lock, err := r.Lock("a")
	require.NoError(t, err)
	_, err = r.Lock("a")
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	require.ErrorIs(t, r.Remove("a"), vzcontract.ErrConflict)
	require.NoError(t, r.SetState("a", State{Status: Running, PID: 1}))

	// A child has the lock, and is killed.
	child := exec.Command("sleep", "1000")
	child.ExtraFiles = []*os.File{lock}
	require.NoError(t, child.Start())
	require.NoError(t, lock.Close())
	s, err := r.Status("a")
	require.NoError(t, err)
	require.Equal(t, Running, s.Status)
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	s, err = r.Status("a")
	require.NoError(t, err)
	require.Equal(t, Orphan, s.Status)
	require.NoError(t, r.SetState("a", State{Status: Stopped}))
	s, err = r.Status("a")
	require.NoError(t, err)
	require.Equal(t, Stopped, s.Status)
	require.NoError(t, r.Remove("a"))
}
