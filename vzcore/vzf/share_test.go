package vzf

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

func TestShares(t *testing.T) {
	ctx := t.Context()
	a, b := t.TempDir(), t.TempDir()
	c := linux(t)
	c.Shares = []config.Share{{Tag: "plain", Source: a}, {Tag: "grows", Growing: true, Entries: []config.Entry{{Name: "a", Source: a, ReadOnly: true}}}}
	vm, _ := open(t, c)
	require.Empty(t, vm.ShareKind("plain"), "it does not run")
	require.NoError(t, vm.Start(ctx))
	require.Equal(t, "virtiofs", vm.ShareKind("plain"))
	require.Empty(t, vm.ShareKind("other"))

	_, err := vm.Plug(ctx, config.Share{Tag: "plain", Source: a})
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	_, err = vm.Plug(ctx, config.Share{Tag: "new", Source: a})
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	require.ErrorIs(t, vm.Unplug(ctx, "plain"), vzcontract.ErrUnsupported)
	require.ErrorIs(t, vm.Unplug(ctx, "new"), vzcontract.ErrNotFound)

	require.NoError(t, vm.AddEntry(ctx, "grows", config.Entry{Name: "a", Source: a, ReadOnly: true}), "it is there")
	for _, e := range []config.Entry{{Name: "b", Source: b}, {Name: "a", Source: b, ReadOnly: true}, {Name: "a", Source: a}} {
		err := vm.AddEntry(ctx, "grows", e)
		require.ErrorIs(t, err, vzcontract.ErrUnsupported, "%+v", e)
		require.ErrorContains(t, err, "cannot be swapped on a running machine")
	}
	require.ErrorIs(t, vm.AddEntry(ctx, "plain", config.Entry{Name: "a", Source: a}), vzcontract.ErrNotFound)
	require.ErrorIs(t, vm.RemoveEntry(ctx, "grows", "a"), vzcontract.ErrUnsupported)
	require.ErrorIs(t, vm.RemoveEntry(ctx, "grows", "b"), vzcontract.ErrNotFound)
}

func TestSharesMustBeDirectories(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	for path, want := range map[string]error{file: vzcontract.ErrUnsupported, file + ".gone": vzcontract.ErrNotFound} {
		c := linux(t)
		c.Shares = []config.Share{{Tag: "x", Entries: []config.Entry{{Name: "f", Source: path}}}}
		vm, f := open(t, c)
		require.ErrorIs(t, vm.Start(t.Context()), want)
		require.Empty(t, f.guests)
	}
}
