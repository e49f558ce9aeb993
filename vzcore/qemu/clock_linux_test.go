package qemu

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
)

func TestEmulatedClock(t *testing.T) {
	require.Equal(t, "lapic_timer_khz=1000000 clocksource=hpet", emulatedClock(0, 100), "a host without a counter")
	require.Equal(t, "lapic_timer_khz=1000000 clocksource=tsc tsc=reliable tsc_early_khz=2300000 no_timer_check", emulatedClock(2_300_000, 0))
	require.Equal(t, "lapic_timer_khz=1000000 clocksource=tsc tsc=reliable tsc_early_khz=2300000 no_timer_check lpj=9200000", emulatedClock(2_300_000, 250))
}

// A saved machine goes on only where its clock runs as fast as where it was saved.
func TestSameClock(t *testing.T) {
	if tickRate() == 0 {
		t.Skip("needs a host with an even time stamp counter")
	}
	dir := t.TempDir()
	same := func(content string) error {
		require.NoError(t, os.WriteFile(filepath.Join(dir, clockFile), []byte(content), 0o600))
		return new(machine).sameClock(dir)
	}
	require.NoError(t, new(machine).sameClock(dir), "it has a clock of QEMU's")
	require.NoError(t, same(strconv.Itoa(tickRate()+1)))
	require.ErrorIs(t, same(strconv.Itoa(tickRate()*2)), vzcontract.ErrConflict)
	require.ErrorIs(t, same(strconv.Itoa(tickRate()/2)), vzcontract.ErrConflict)
	require.True(t, errors.Is(same("fast"), vzcore.ErrDamaged))
}
