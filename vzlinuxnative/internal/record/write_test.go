//go:build linux

package record

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/testreq"
)

func TestOverwrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	require.Error(t, overwrite(file, []byte("{}")), "there is nothing to write over")
	require.NoError(t, os.WriteFile(file, []byte(`{"Name":"a long name"}`), 0o600))
	for _, name := range []string{"short", "a name that is longer than the others", ""} {
		data, err := json.Marshal(State{Name: name})
		require.NoError(t, err)
		require.NoError(t, overwrite(file, data))
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		var st State
		require.NoError(t, json.Unmarshal(got, &st))
		require.Equal(t, name, st.Name)
	}
}

// TestFullDisk changes and removes a record where nothing can be created.
func TestFullDisk(t *testing.T) {
	testreq.Root(t)
	home := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", home, "tmpfs", 0, "size=64k"))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(home, unix.MNT_DETACH)) })
	s, id := New(home), testID("a")
	create(t, s, id, "one")
	fill := filepath.Join(home, "fill")
	require.Error(t, os.WriteFile(fill, []byte(strings.Repeat("x", 64<<10)), 0o600))
	_, err := s.Update(id, func(st *State) error { st.StopAsked = true; return nil })
	require.NoError(t, err)
	st, err := s.State(id)
	require.NoError(t, err)
	require.True(t, st.StopAsked)
	require.NoFileExists(t, filepath.Join(s.Dir(id), "state.json.tmp"))
	require.NoError(t, s.Remove(id))
	_, err = s.Find("one")
	require.Error(t, err)
}
