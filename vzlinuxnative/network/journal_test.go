//go:build linux

package network

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"vz.internal/vzcontract"
)

// TestJournal writes leases as processes that are killed in between do.
func TestJournal(t *testing.T) {
	m := manager(t)
	require.NoError(t, os.MkdirAll(m.opts.RunDir, 0o700))
	n := &network{Info: vzcontract.NetworkInfo{ID: "net"}, Leases: map[string]*lease{}}
	require.NoError(t, m.saveInfo(n))
	reload := func() {
		t.Helper()
		var err error
		n, err = m.load("net")
		require.NoError(t, err)
	}
	for i := range 3 {
		id := fmt.Sprint(i)
		n.Leases[id] = &lease{Name: "name" + id}
		require.NoError(t, m.saveLease(n, id))
	}
	delete(n.Leases, "1")
	require.NoError(t, m.saveLease(n, "1"))
	reload()
	require.Len(t, n.Leases, 2)
	require.Equal(t, "name2", n.Leases["2"].Name)

	f, err := os.OpenFile(m.leaseFile("net"), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"id":"torn","lea`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	reload()
	require.Len(t, n.Leases, 2)
	n.Leases["3"] = &lease{Name: "after"}
	require.NoError(t, m.saveLease(n, "3"))
	reload()
	require.Len(t, n.Leases, 3)

	for range 3 * slack {
		reload()
		n.Leases["3"].Name += "x"
		require.NoError(t, m.saveLease(n, "3"))
	}
	require.Less(t, n.lines, 2*slack, "the journal grows without bound")
	reload()
	require.Len(t, n.Leases["3"].Name, len("after")+3*slack)

	clear(n.Leases)
	require.NoError(t, m.saveLease(n, "3"))
	_, err = os.Stat(m.leaseFile("net"))
	require.ErrorIs(t, err, os.ErrNotExist)

	require.NoError(t, os.WriteFile(m.leaseFile("net"), []byte("no journal\n"), 0o600))
	_, err = m.Inspect(context.Background(), "net")
	require.ErrorContains(t, err, filepath.Base(m.leaseFile("net"))+" is damaged")
}
