package qemu

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"sync"
	"time"
)

// clockTime is how long the host's counter is watched. Both clocks are read within less
// than a microsecond, so the rate is wrong by less than one in ten thousand; a guest
// finds the rest out by itself, in time.
const clockTime = 10 * time.Millisecond

// readings is how often both clocks are read, for one time without an interruption.
const readings = 10

// tickRate returns how many thousand times a second the host's time stamp counter
// counts, or 0 if it does not count evenly or is none. A guest that runs by translation
// reads this very counter.
var tickRate = sync.OnceValue(func() int {
	if !evenTicks() {
		return 0
	}
	begin, from := readClocks()
	time.Sleep(clockTime)
	end, to := readClocks()
	return int(float64(to-from) / end.Sub(begin).Seconds() / 1000)
})

// readClocks returns the time and the counter's value then.
func readClocks() (at time.Time, count uint64) {
	least := time.Duration(math.MaxInt64)
	for range readings {
		before, value := time.Now(), ticks()
		if took := time.Since(before); took < least {
			least, at, count = took, before.Add(took/2), value
		}
	}
	return at, count
}

// evenTicks tells whether the counter does not depend on what the processor does.
func evenTicks() bool {
	text, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && bytes.Contains(text, []byte(" constant_tsc ")) && bytes.Contains(text, []byte(" nonstop_tsc "))
}

// localTimer is how many thousand times a second the local APIC's timer of QEMU counts
// (hw/intc/apic.c: nanoseconds).
const localTimer = 1_000_000

// emulatedClock is what an emulated x86 kernel is told of its clocks: what it would measure
// takes half a second, and on a busy host goes wrong. hz is how often the kernel counts
// time, or 0. Only vz's own kernels know lapic_timer_khz; others ignore it.
func emulatedClock(rate, hz int) string {
	line := fmt.Sprintf("lapic_timer_khz=%d ", localTimer)
	if rate == 0 {
		return line + "clocksource=hpet"
	}
	line += fmt.Sprintf("clocksource=tsc tsc=reliable tsc_early_khz=%d no_timer_check", rate)
	if hz > 0 {
		line += fmt.Sprintf(" lpj=%d", rate*1000/hz)
	}
	return line
}
