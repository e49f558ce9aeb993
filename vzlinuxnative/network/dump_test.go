//go:build linux

package network

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
)

func TestWhole(t *testing.T) {
	tries := 0
	n, err := whole(func() (int, error) {
		if tries++; tries < 3 {
			return tries, netlink.ErrDumpInterrupted
		}
		return tries, nil
	})
	require.NoError(t, err)
	require.Equal(t, 3, n)

	_, err = whole(func() (int, error) { return 0, netlink.ErrDumpInterrupted })
	require.ErrorIs(t, err, netlink.ErrDumpInterrupted)
	other := errors.New("other")
	_, err = whole(func() (int, error) { return 0, other })
	require.ErrorIs(t, err, other)
}
