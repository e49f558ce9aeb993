//go:build !amd64

package qemu

// ticks is for x86 guests: those of other hosts use a clock that QEMU emulates.
func ticks() uint64 { return 0 }
