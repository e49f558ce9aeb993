package qemu

// ticks reads the processor's time stamp counter (RDTSC).
func ticks() uint64
