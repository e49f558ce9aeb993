package macos

import (
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func TestSlot(t *testing.T) {
	dir := t.TempDir() + "/macos"
	a, err := Slot(dir, "a")
	require.NoError(t, err)
	b, err := Slot(dir, "a longer name")
	require.NoError(t, err)
	_, err = Slot(dir, "c")
	require.ErrorIs(t, err, vzcontract.ErrUnavailable)
	require.ErrorContains(t, err, "these run: a, a longer name; stop one")
	require.NoError(t, b.Close())
	b, err = Slot(dir, "b")
	require.NoError(t, err)
	_, err = Slot(dir, "c")
	require.ErrorContains(t, err, "these run: a, b;", "the name before is gone")

	// A child has one, and is killed.
	child := exec.Command("sleep", "1000")
	child.ExtraFiles = []*os.File{a.(*os.File)}
	require.NoError(t, child.Start())
	require.NoError(t, a.Close())
	_, err = Slot(dir, "c")
	require.ErrorIs(t, err, vzcontract.ErrUnavailable)
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	c, err := Slot(dir, "c")
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, b.Close())
}

// TestSlotRace has many want one at once: as many get one as there are.
func TestSlotRace(t *testing.T) {
	dir := t.TempDir()
	slots := make(chan io.Closer, 20)
	var wg sync.WaitGroup
	for range cap(slots) {
		wg.Go(func() {
			if s, err := Slot(dir, "x"); err == nil {
				slots <- s
			}
		})
	}
	wg.Wait()
	require.Len(t, slots, MaxGuests)
	for range MaxGuests {
		require.NoError(t, (<-slots).Close())
	}
}
