package cgroup

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzcontract"
)

// minMemory is Docker's least limit; no program starts with much less.
const minMemory = 6 << 20

func (h Host) memory(r vzcontract.Resources, out *specs.LinuxResources) error {
	m := new(specs.LinuxMemory)
	switch {
	case r.Memory != 0 && r.Memory < minMemory:
		return invalid("memory limit %d: give at least 6 MiB", r.Memory)
	case r.MemoryReservation < 0:
		return invalid("memory reservation %d is negative", r.MemoryReservation)
	case r.Memory > 0 && r.MemoryReservation > r.Memory:
		return invalid("memory reservation %d is above the memory limit %d", r.MemoryReservation, r.Memory)
	case r.MemorySwap < -1:
		return invalid("memory swap %d: give bytes, or -1 for no limit", r.MemorySwap)
	case r.MemorySwap > 0 && r.Memory == 0:
		return invalid("memory swap without a memory limit: set memory too")
	case r.MemorySwap > 0 && r.MemorySwap < r.Memory:
		return invalid("memory swap %d is memory plus swap, so it cannot be below the memory limit %d", r.MemorySwap, r.Memory)
	case r.MemorySwappiness != nil && *r.MemorySwappiness > 100:
		return invalid("memory swappiness %d: give 0 to 100", *r.MemorySwappiness)
	}
	m.Limit, m.Reservation = nonZero(r.Memory), nonZero(r.MemoryReservation)
	m.Swappiness = r.MemorySwappiness
	m.DisableOOMKiller = nonZero(r.OOMKillDisable)
	if err := h.swap(r, m); err != nil {
		return err
	}
	if *m == (specs.LinuxMemory{}) {
		return nil
	}
	out.Memory = m
	if err := h.need("memory", "memory limit"); err != nil {
		return err
	}
	if h.Mode != V2 {
		return nil
	}
	switch {
	case m.Swappiness != nil:
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "memory swappiness: cgroup version 2 does not have it")
	case m.DisableOOMKiller != nil:
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "disabling the OOM killer: cgroup version 2 does not have it")
	}
	return nil
}

// swap sets memory plus swap: as given, else twice the memory where the kernel
// can count it, as docker does.
func (h Host) swap(r vzcontract.Resources, m *specs.LinuxMemory) error {
	if r.MemorySwap == 0 && r.Memory == 0 {
		return nil
	}
	file := "memory.memsw.limit_in_bytes"
	if h.Mode == V2 {
		file = "memory.swap.max"
	}
	if r.MemorySwap == 0 {
		if h.HasFile("memory", file) {
			twice := 2 * r.Memory
			m.Swap = &twice
		}
		return nil
	}
	m.Swap = &r.MemorySwap
	return h.needFile("memory", file, "memory swap limit")
}
