package macos

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/macos/provision"
)

// A volume is a directory that looks like the data volume of an installed macOS.
type volume struct {
	root   string
	closed error
	mounts []string
}

func (v *volume) Mount(_ context.Context, image string) (provision.Volume, error) {
	v.mounts = append(v.mounts, image)
	return v, nil
}
func (v *volume) Root() string { return v.root }
func (v *volume) Close() error { return v.closed }

func TestProvision(t *testing.T) {
	v, files := &volume{root: t.TempDir()}, Files{t.TempDir()}
	const users = "private/var/db/dslocal/nodes/Default/users"
	for _, name := range []string{"Library", "Users", users} {
		require.NoError(t, os.MkdirAll(filepath.Join(v.root, name), 0o755))
	}
	mine := provision.Writer{Chown: func(*os.File, int, int) error { return nil }}
	// The smallest Mach-O program for Apple Silicon.
	agent := append([]byte{0xcf, 0xfa, 0xed, 0xfe, 0x0c, 0, 0, 1, 0, 0, 0, 0, 2}, make([]byte, 19)...)
	options := provision.Options{Agent: agent, Version: "15.6.1", Build: "24G90"}
	run := func(o provision.Options) error { return Provision(t.Context(), v, mine, files, o) }

	require.ErrorIs(t, run(options), os.ErrNotExist, "without its id it is no machine")
	require.NoError(t, os.WriteFile(files.MachineID(), []byte("id"), 0o600))
	require.NoError(t, os.WriteFile(files.Disk(), nil, 0o600))
	require.ErrorIs(t, run(provision.Options{Version: "15.6.1", Build: "24G90"}), vzcontract.ErrValidation)
	require.Empty(t, v.mounts, "what cannot be written mounts nothing")

	v.closed = errors.New("the volume is busy")
	require.ErrorIs(t, run(options), v.closed)
	require.False(t, files.Provisioned(), "nobody knows what is on the disk")
	v.closed = nil
	require.NoError(t, run(options))
	require.True(t, files.Provisioned())
	require.Equal(t, []string{files.Disk(), files.Disk()}, v.mounts)
	first, err := os.ReadFile(filepath.Join(v.root, users, "dev.plist"))
	require.NoError(t, err)
	password, err := files.Password()
	require.NoError(t, err)

	options.User = "somebody"
	require.NoError(t, run(options), "again")
	require.FileExists(t, filepath.Join(v.root, users, "somebody.plist"))
	again, err := files.Password()
	require.NoError(t, err)
	require.Equal(t, password, again)
	require.Contains(t, string(first), provision.UUID([]byte("id"), "dev"))

	require.NoError(t, os.RemoveAll(filepath.Join(v.root, users)))
	require.ErrorIs(t, run(options), vzcontract.ErrConflict)
}
