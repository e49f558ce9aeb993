//go:build linux

package seccompbpf

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func load(off uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: off}
}

func ret(v uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: v}
}

// branch jumps yes instructions ahead if "A op k" holds and no ahead if not.
// One of the two is zero; a distance over 255 takes a second instruction.
func branch(op uint16, k uint32, yes, no int) []unix.SockFilter {
	j := unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, K: k}
	if yes <= 255 && no <= 255 {
		j.Jt, j.Jf = uint8(yes), uint8(no)
		return []unix.SockFilter{j}
	}
	far := unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JA, K: uint32(max(yes, no))}
	if yes > 0 {
		j.Jf = 1
	} else {
		j.Jt = 1
	}
	return []unix.SockFilter{j, far}
}

// compare returns code that falls through if the argument matches and skips
// fail further instructions if not. A 64-bit argument is two words of which
// the low one comes first on the processors that we know.
func compare(a specs.LinuxSeccompArg, fail int) []unix.SockFilter {
	lo := uint32(offArgs + 8*a.Index)
	hi := lo + 4
	vh, vl := uint32(a.Value>>32), uint32(a.Value)
	switch a.Op {
	case specs.OpEqualTo:
		return equal(hi, lo, vh, vl, fail)
	case specs.OpNotEqual:
		// Differs in the high word: match. Same there: the low one decides.
		return []unix.SockFilter{
			load(hi),
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: vh, Jf: 2},
			load(lo),
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: vl, Jt: uint8(fail)},
		}
	case specs.OpMaskedEqual:
		th, tl := uint32(a.ValueTwo>>32), uint32(a.ValueTwo)
		and := func(k uint32) unix.SockFilter {
			return unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: k}
		}
		return []unix.SockFilter{
			load(hi), and(vh),
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: th, Jf: uint8(fail + 3)},
			load(lo), and(vl),
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: tl, Jf: uint8(fail)},
		}
	case specs.OpGreaterThan:
		return ordered(hi, lo, vh, vl, unix.BPF_JGT, true, fail)
	case specs.OpGreaterEqual:
		return ordered(hi, lo, vh, vl, unix.BPF_JGE, true, fail)
	case specs.OpLessThan:
		return ordered(hi, lo, vh, vl, unix.BPF_JGE, false, fail)
	case specs.OpLessEqual:
		return ordered(hi, lo, vh, vl, unix.BPF_JGT, false, fail)
	}
	// An operator that does not exist matches nothing.
	return []unix.SockFilter{{Code: unix.BPF_JMP | unix.BPF_JA, K: uint32(fail)}}
}

func equal(hi, lo, vh, vl uint32, fail int) []unix.SockFilter {
	return []unix.SockFilter{
		load(hi),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: vh, Jf: uint8(fail + 2)},
		load(lo),
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: vl, Jf: uint8(fail)},
	}
}

// ordered compares 64 bits: the high words decide unless they are equal. op on
// the low words holds for a match if want, else for a mismatch.
func ordered(hi, lo, vh, vl uint32, op uint16, want bool, fail int) []unix.SockFilter {
	low := unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, K: vl}
	greater := unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K, K: vh}
	if want {
		low.Jf = uint8(fail)
		greater.Jt = 3 // greater: match
	} else {
		low.Jt = uint8(fail)
		greater.Jt = uint8(fail + 3) // greater: mismatch
	}
	same := unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: vh}
	if want {
		same.Jf = uint8(fail + 2) // less: mismatch
	} else {
		same.Jf = 2 // less: match
	}
	return []unix.SockFilter{load(hi), greater, same, load(lo), low}
}
