//go:build linux && cgo

package seccompbpf

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// call is a struct seccomp_data.
type call struct {
	nr, arch uint32
	args     [6]uint64
}

// eval runs prog as the kernel would (the part of BPF that filters use).
func eval(t *testing.T, prog []unix.SockFilter, c call) uint32 {
	t.Helper()
	data := make([]byte, 64)
	binary.LittleEndian.PutUint32(data[0:], c.nr)
	binary.LittleEndian.PutUint32(data[4:], c.arch)
	for i, a := range c.args {
		binary.LittleEndian.PutUint64(data[16+8*i:], a)
	}
	var acc uint32
	var mem [16]uint32
	for pc := 0; pc < len(prog); pc++ {
		in := prog[pc]
		jump := func(yes bool) {
			if yes {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		}
		switch in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			acc = binary.LittleEndian.Uint32(data[in.K:])
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			acc &= in.K
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(in.K)
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			jump(acc == in.K)
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			jump(acc > in.K)
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			jump(acc >= in.K)
		case unix.BPF_ST:
			mem[in.K] = acc
		case unix.BPF_LD | unix.BPF_MEM:
			acc = mem[in.K]
		case unix.BPF_RET | unix.BPF_K:
			return in.K
		default:
			t.Fatalf("instruction %d: code %#x is unknown", pc, in.Code)
		}
	}
	t.Fatal("the program ran off its end")
	return 0
}

func nr(t *testing.T, name string) uint32 {
	t.Helper()
	a, err := archOf(nativeArch())
	require.NoError(t, err)
	n, ok := a.lookup(name)
	require.True(t, ok, name)
	return n
}

func audit(t *testing.T) uint32 {
	t.Helper()
	a, err := archOf(nativeArch())
	require.NoError(t, err)
	return a.audit
}

func arg(i uint, op specs.LinuxSeccompOperator, v, v2 uint64) specs.LinuxSeccompArg {
	return specs.LinuxSeccompArg{Index: i, Op: op, Value: v, ValueTwo: v2}
}

func TestConditions(t *testing.T) {
	const big = 1<<40 + 7
	tests := []struct {
		args []specs.LinuxSeccompArg
		yes  [][2]uint64
		no   [][2]uint64
	}{
		{[]specs.LinuxSeccompArg{arg(0, specs.OpEqualTo, big, 0)}, [][2]uint64{{big}}, [][2]uint64{{7}, {1 << 40}, {big + 1}}},
		{[]specs.LinuxSeccompArg{arg(0, specs.OpNotEqual, big, 0)}, [][2]uint64{{7}, {1 << 40}}, [][2]uint64{{big}}},
		{[]specs.LinuxSeccompArg{arg(0, specs.OpGreaterThan, big, 0)}, [][2]uint64{{big + 1}, {1 << 41}}, [][2]uint64{{big}, {8}}},
		{[]specs.LinuxSeccompArg{arg(0, specs.OpGreaterEqual, big, 0)}, [][2]uint64{{big}, {1 << 41}}, [][2]uint64{{big - 1}, {8}}},
		{[]specs.LinuxSeccompArg{arg(0, specs.OpLessThan, big, 0)}, [][2]uint64{{big - 1}, {1 << 33}, {0}}, [][2]uint64{{big}, {1 << 41}}},
		{[]specs.LinuxSeccompArg{arg(0, specs.OpLessEqual, big, 0)}, [][2]uint64{{big}, {9}}, [][2]uint64{{big + 1}, {1 << 41}}},
		{[]specs.LinuxSeccompArg{arg(0, specs.OpMaskedEqual, 0xf0, 0x10)}, [][2]uint64{{0x1f}, {1<<40 | 0x10}}, [][2]uint64{{0x20}, {0}}},
		// Two arguments: both must hold.
		{[]specs.LinuxSeccompArg{arg(0, specs.OpEqualTo, 1, 0), arg(1, specs.OpEqualTo, 2, 0)}, [][2]uint64{{1, 2}}, [][2]uint64{{1, 3}, {0, 2}}},
		// One argument twice: either.
		{[]specs.LinuxSeccompArg{arg(0, specs.OpEqualTo, 1, 0), arg(0, specs.OpEqualTo, 2, 0)}, [][2]uint64{{1}, {2}}, [][2]uint64{{3}}},
	}
	for _, tt := range tests {
		prog, err := Compile(&specs.LinuxSeccomp{
			DefaultAction: specs.ActErrno,
			Syscalls:      []specs.LinuxSyscall{{Names: []string{"socket"}, Action: specs.ActAllow, Args: tt.args}},
		})
		require.NoError(t, err)
		for want, list := range map[uint32][][2]uint64{unix.SECCOMP_RET_ALLOW: tt.yes, unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM): tt.no} {
			for _, v := range list {
				got := eval(t, prog, call{nr(t, "socket"), audit(t), [6]uint64{v[0], v[1]}})
				require.Equal(t, want, got, "%v with %#x", tt.args, v)
			}
		}
	}
}

func TestUnknownCallsGetENOSYS(t *testing.T) {
	prog, err := Compile(&specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Syscalls:      []specs.LinuxSyscall{{Names: []string{"read", "no_such_call", "clone3"}, Action: specs.ActAllow}},
	})
	require.NoError(t, err)
	eperm := unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	for n, want := range map[uint32]uint32{
		nr(t, "read"):        unix.SECCOMP_RET_ALLOW,
		nr(t, "mount"):       eperm,
		nr(t, "clone3"):      unix.SECCOMP_RET_ALLOW,
		nr(t, "clone3") + 1:  retENOSYS,
		nr(t, "clone3") + 90: retENOSYS,
		x32Bit | 1:           retENOSYS,
	} {
		require.Equal(t, want, eval(t, prog, call{nr: n, arch: audit(t)}), "call %d", n)
	}
	require.Equal(t, uint32(unix.SECCOMP_RET_KILL_PROCESS), eval(t, prog, call{nr: 0, arch: 0x1234}))
}

func TestCompileErrors(t *testing.T) {
	for _, s := range []specs.LinuxSeccomp{
		{DefaultAction: "SCMP_ACT_DANCE"},
		{DefaultAction: specs.ActNotify},
		{DefaultAction: specs.ActAllow, Architectures: []specs.Arch{"SCMP_ARCH_S390X"}},
		{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{{Names: []string{"read"}, Action: specs.ActErrno, Args: []specs.LinuxSeccompArg{{Index: 6}}}}},
	} {
		_, err := Compile(&s)
		require.Error(t, err, "%+v", s)
	}
}

// TestAgainstLibseccomp compares the default profile's program with
// libseccomp's, for every call number that libseccomp knows.
func TestAgainstLibseccomp(t *testing.T) {
	profile, err := seccomp.GetDefaultProfile(&specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{}}})
	require.NoError(t, err)
	profile.Architectures = nil
	prog, err := Compile(profile)
	require.NoError(t, err)
	theirs := viaLibseccomp(t, profile)
	t.Logf("instructions: %d, libseccomp %d", len(prog), len(theirs))
	args := [][6]uint64{{}, {38}, {39}, {41}, {45}, {0, 0, 21}, {8}, {0x20000}, {0x20008}, {0xffffffff}, {40}, {1, 1}, {16}, {0x7e020000}, {0x10000000}}
	for n := uint32(0); n < 462; n++ {
		name, err := libseccomp.ScmpSyscall(n).GetName()
		if err != nil || name == "" {
			continue
		}
		for _, a := range args {
			c := call{n, audit(t), a}
			require.Equal(t, eval(t, theirs, c), eval(t, prog, c), "%s %#x", name, a)
		}
	}
}

func viaLibseccomp(t *testing.T, p *specs.LinuxSeccomp) []unix.SockFilter {
	t.Helper()
	act := func(a specs.LinuxSeccompAction, ret *uint) libseccomp.ScmpAction {
		if a == specs.ActAllow {
			return libseccomp.ActAllow
		}
		errno := int16(unix.EPERM)
		if ret != nil {
			errno = int16(*ret)
		}
		return libseccomp.ActErrno.SetReturnCode(errno)
	}
	ops := map[specs.LinuxSeccompOperator]libseccomp.ScmpCompareOp{
		specs.OpEqualTo: libseccomp.CompareEqual, specs.OpNotEqual: libseccomp.CompareNotEqual, specs.OpMaskedEqual: libseccomp.CompareMaskedEqual,
		specs.OpLessThan: libseccomp.CompareLess, specs.OpLessEqual: libseccomp.CompareLessOrEqual,
		specs.OpGreaterThan: libseccomp.CompareGreater, specs.OpGreaterEqual: libseccomp.CompareGreaterEqual,
	}
	def := act(p.DefaultAction, p.DefaultErrnoRet)
	f, err := libseccomp.NewFilter(def)
	require.NoError(t, err)
	defer f.Release()
	for _, s := range p.Syscalls {
		for _, name := range s.Names {
			n, err := libseccomp.GetSyscallFromName(name)
			a := act(s.Action, s.ErrnoRet)
			if err != nil || n < 0 || a == def {
				continue
			}
			for _, alt := range alternatives(s.Args) {
				var conds []libseccomp.ScmpCondition
				for _, c := range alt {
					cond, err := libseccomp.MakeCondition(c.Index, ops[c.Op], c.Value, c.ValueTwo)
					require.NoError(t, err)
					conds = append(conds, cond)
				}
				if len(conds) == 0 {
					require.NoError(t, f.AddRule(n, a))
				} else {
					require.NoError(t, f.AddRuleConditional(n, a, conds))
				}
			}
		}
	}
	file, err := os.CreateTemp(t.TempDir(), "bpf")
	require.NoError(t, err)
	require.NoError(t, f.ExportBPF(file))
	_, err = file.Seek(0, io.SeekStart)
	require.NoError(t, err)
	b, err := io.ReadAll(file)
	require.NoError(t, err)
	prog := make([]unix.SockFilter, len(b)/8)
	for i := range prog {
		prog[i] = unix.SockFilter{
			Code: binary.NativeEndian.Uint16(b[8*i:]), Jt: b[8*i+2], Jf: b[8*i+3], K: binary.NativeEndian.Uint32(b[8*i+4:]),
		}
	}
	return prog
}

func BenchmarkCompileDefault(b *testing.B) {
	for b.Loop() {
		p, err := seccomp.GetDefaultProfile(&specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{}}})
		if err != nil {
			b.Fatal(err)
		}
		p.Architectures = nil
		if _, err := Compile(p); err != nil {
			b.Fatal(fmt.Errorf("compile: %w", err))
		}
	}
}
