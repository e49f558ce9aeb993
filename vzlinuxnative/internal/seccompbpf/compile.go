//go:build linux

package seccompbpf

import (
	"cmp"
	"fmt"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data; arguments follow, 8 bytes each.
const (
	offNr   = 0
	offArch = 4
	offArgs = 16
)

const retENOSYS = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)

// Compile returns the program of a profile. No architectures means the
// native one. Names of calls that do not exist on an architecture are passed
// over, as every runtime does; anything else unknown is an error.
func Compile(s *specs.LinuxSeccomp) ([]unix.SockFilter, error) {
	def, err := action(s.DefaultAction, s.DefaultErrnoRet)
	if err != nil {
		return nil, err
	}
	names := s.Architectures
	if len(names) == 0 {
		names = []specs.Arch{nativeArch()}
	}
	bodies := map[uint32][]unix.SockFilter{}
	var order []uint32
	rules := map[uint32]map[uint32][]rule{}
	for _, name := range names {
		a, err := archOf(name)
		if err != nil {
			return nil, err
		}
		if rules[a.audit] == nil {
			rules[a.audit] = map[uint32][]rule{}
			order = append(order, a.audit)
		}
		if err := collect(rules[a.audit], a, s, def); err != nil {
			return nil, err
		}
	}
	for audit, calls := range rules {
		bodies[audit] = dispatch(calls, def, unknownAction(s, def))
	}
	prog := []unix.SockFilter{load(offArch)}
	for _, audit := range order {
		body := append([]unix.SockFilter{load(offNr)}, bodies[audit]...)
		prog = append(prog, branch(unix.BPF_JEQ, audit, 0, len(body))...)
		prog = append(prog, body...)
	}
	prog = append(prog, ret(unix.SECCOMP_RET_KILL_PROCESS))
	if len(prog) > unix.BPF_MAXINSNS {
		return nil, fmt.Errorf("seccomp: the profile needs %d instructions, the kernel takes %d", len(prog), unix.BPF_MAXINSNS)
	}
	return prog, nil
}

// unknownAction is what a call newer than the profile gets.
func unknownAction(s *specs.LinuxSeccomp, def uint32) uint32 {
	switch s.DefaultAction {
	case specs.ActAllow, specs.ActLog, specs.ActTrace:
		return def
	}
	return retENOSYS
}

// A rule is an action under conditions that must all hold.
type rule struct {
	args   []specs.LinuxSeccompArg
	action uint32
}

// collect adds the profile's rules for one architecture, by call number.
func collect(calls map[uint32][]rule, a arch, s *specs.LinuxSeccomp, def uint32) error {
	for _, sc := range s.Syscalls {
		act, err := action(sc.Action, sc.ErrnoRet)
		if err != nil {
			return err
		}
		for _, arg := range sc.Args {
			if arg.Index > 5 {
				return fmt.Errorf("seccomp: %v: a system call has no argument %d", sc.Names, arg.Index)
			}
		}
		for _, name := range sc.Names {
			nr, ok := a.lookup(name)
			if !ok || act == def && len(sc.Args) == 0 {
				continue
			}
			for _, args := range alternatives(sc.Args) {
				calls[nr] = append(calls[nr], rule{args, act})
			}
		}
	}
	return nil
}

// alternatives splits conditions: all must hold, but when two are about the
// same argument each stands alone (runc's reading, which profiles rely on).
func alternatives(args []specs.LinuxSeccompArg) [][]specs.LinuxSeccompArg {
	seen := map[uint]bool{}
	for _, a := range args {
		if seen[a.Index] {
			var each [][]specs.LinuxSeccompArg
			for _, a := range args {
				each = append(each, []specs.LinuxSeccompArg{a})
			}
			return each
		}
		seen[a.Index] = true
	}
	return [][]specs.LinuxSeccompArg{args}
}

// A segment is a run of call numbers, up to the next segment's start, that
// share code.
type segment struct {
	start uint32
	code  []unix.SockFilter
}

// dispatch returns code that, with the call's number loaded, acts on it.
func dispatch(calls map[uint32][]rule, def, unknown uint32) []unix.SockFilter {
	nrs := make([]uint32, 0, len(calls))
	for nr := range calls {
		nrs = append(nrs, nr)
	}
	slices.Sort(nrs)
	segs := []segment{{0, []unix.SockFilter{ret(def)}}}
	put := func(start uint32, code []unix.SockFilter) {
		last := &segs[len(segs)-1]
		switch {
		case last.start == start:
			last.code = code
		case !slices.Equal(last.code, code):
			segs = append(segs, segment{start, code})
		}
	}
	for i, nr := range nrs {
		put(nr, callCode(calls[nr], def))
		if next := nr + 1; i == len(nrs)-1 || nrs[i+1] != next {
			put(next, []unix.SockFilter{ret(def)})
		}
	}
	if len(nrs) > 0 && unknown != def {
		// The gap up to x32's numbers, and all above the last one, is the unknown.
		for _, end := range []uint32{lastBelow(nrs, x32Bit), nrs[len(nrs)-1]} {
			i, ok := slices.BinarySearchFunc(segs, end+1, func(s segment, v uint32) int { return cmp.Compare(s.start, v) })
			if ok {
				segs[i].code = []unix.SockFilter{ret(unknown)}
			}
		}
	}
	return search(segs)
}

// lastBelow returns the greatest of the sorted nrs below limit, or the last one.
func lastBelow(nrs []uint32, limit uint32) uint32 {
	i, _ := slices.BinarySearch(nrs, limit)
	if i == 0 {
		return nrs[len(nrs)-1]
	}
	return nrs[i-1]
}

// search returns a binary search over segments.
func search(segs []segment) []unix.SockFilter {
	if len(segs) == 1 {
		return segs[0].code
	}
	mid := len(segs) / 2
	left, right := search(segs[:mid]), search(segs[mid:])
	code := branch(unix.BPF_JGE, segs[mid].start, len(left), 0)
	return append(append(code, left...), right...)
}

// callCode returns code for one call: conditional rules in order, then the
// unconditional one, else def.
func callCode(rules []rule, def uint32) []unix.SockFilter {
	var code []unix.SockFilter
	last := def
	for _, r := range rules {
		if len(r.args) == 0 {
			last = r.action
			continue
		}
		code = append(code, conditional(r)...)
	}
	return append(code, ret(last))
}

// conditional returns code that returns r.action if all arguments match and
// runs on behind itself otherwise.
func conditional(r rule) []unix.SockFilter {
	code := []unix.SockFilter{ret(r.action)}
	for _, a := range slices.Backward(r.args) {
		code = append(compare(a, len(code)), code...)
	}
	return code
}

// action returns the kernel's value of an action.
func action(a specs.LinuxSeccompAction, errnoRet *uint) (uint32, error) {
	data := func(def uint32) uint32 {
		if errnoRet != nil {
			return uint32(*errnoRet) & unix.SECCOMP_RET_DATA
		}
		return def
	}
	switch a {
	case specs.ActAllow:
		return unix.SECCOMP_RET_ALLOW, nil
	case specs.ActKill, specs.ActKillThread:
		return unix.SECCOMP_RET_KILL_THREAD, nil
	case specs.ActKillProcess:
		return unix.SECCOMP_RET_KILL_PROCESS, nil
	case specs.ActTrap:
		return unix.SECCOMP_RET_TRAP, nil
	case specs.ActErrno:
		return unix.SECCOMP_RET_ERRNO | data(uint32(unix.EPERM)), nil
	case specs.ActTrace:
		return unix.SECCOMP_RET_TRACE | data(uint32(unix.EPERM)), nil
	case specs.ActLog:
		return unix.SECCOMP_RET_LOG, nil
	}
	return 0, fmt.Errorf("seccomp: action %q is not supported", a)
}
