package direct

import (
	"fmt"
	"os"
	"path"
	"strings"
	"unsafe"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/seccompbpf"
	"vz.internal/vzlinuxnative/internal/userns"
)

// addStdio gives the child its streams: a terminal of the container, or the
// caller's descriptors.
func (p *plan) addStdio(proc *specs.Process, stdio [3]*os.File, init bool) {
	if proc.Terminal {
		var rows, cols uint
		if proc.ConsoleSize != nil {
			rows, cols = proc.ConsoleSize.Height, proc.ConsoleSize.Width
		}
		p.add(opConsole, "set up the terminal", uint64(rows), uint64(cols), uint64(proc.User.UID), init)
		return
	}
	for i, f := range stdio {
		p.add(opStdio, "connect stdio", int(f.Fd()), i)
	}
}

// addBecome turns the child into the workload: filter, user, capabilities,
// working directory, exec.
func (p *plan) addBecome(proc *specs.Process, f filter) error {
	if err := p.check(append(append([]string{proc.Cwd}, proc.Args...), proc.Env...)...); err != nil {
		return err
	}
	caps, err := newCapSets(proc.Capabilities)
	if err != nil {
		return err
	}
	umask := uint32(0o022)
	if proc.User.Umask != nil {
		umask = *proc.User.Umask
	}
	p.add(opUmask, "set umask", uint64(umask))
	p.add(opClose, "close descriptors")
	p.addRlimits(proc.Rlimits) // late: to make the container takes more than they may leave
	if proc.NoNewPrivileges {
		p.add(opNoNewPrivs, "set no_new_privs")
	}
	// Without no_new_privs a filter takes CAP_SYS_ADMIN, so it comes first.
	if f.program != nil && !proc.NoNewPrivileges {
		p.add(opSeccomp, "load seccomp filter", f.flags, f.program)
	}
	p.add(opBounding, "drop capabilities", caps.bounding)
	user := []any{uint64(proc.User.UID), uint64(proc.User.GID), userns.GroupsFixed(), len(proc.User.AdditionalGids)}
	for _, g := range proc.User.AdditionalGids {
		user = append(user, uint64(g))
	}
	p.add(opUser, fmt.Sprintf("become user %d:%d", proc.User.UID, proc.User.GID), user...)
	p.add(opCaps, "set capabilities", caps.effective, caps.permitted, caps.inheritable, caps.ambient)
	p.add(opChdir, "change to working directory "+proc.Cwd, proc.Cwd)
	if f.program != nil && proc.NoNewPrivileges {
		p.add(opSeccomp, "load seccomp filter", f.flags, f.program)
	}
	p.addExec(proc)
	return nil
}

func (p *plan) addExec(proc *specs.Process) {
	paths := candidates(proc)
	args := []any{len(paths), len(proc.Args), len(proc.Env)}
	for _, list := range [][]string{paths, proc.Args, proc.Env} {
		for _, s := range list {
			args = append(args, s)
		}
	}
	p.add(opExec, fmt.Sprintf("exec %q", proc.Args[0]), args...)
}

// candidates are the paths to try for the program: the PATH is the workload's.
func candidates(proc *specs.Process) []string {
	name := proc.Args[0]
	if strings.Contains(name, "/") {
		return []string{name}
	}
	search := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, kv := range proc.Env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			search = v
		}
	}
	var paths []string
	for dir := range strings.SplitSeq(search, ":") {
		if dir == "" {
			dir = "."
		}
		paths = append(paths, path.Join(dir, name))
	}
	return paths
}

func (p *plan) addRlimits(limits []specs.POSIXRlimit) {
	for _, l := range limits {
		if n, ok := rlimits[l.Type]; ok {
			p.add(opRlimit, fmt.Sprintf("set %s to %d:%d", l.Type, l.Soft, l.Hard), n, l.Soft, l.Hard)
		}
	}
}

var rlimits = map[string]int{
	"RLIMIT_CPU": unix.RLIMIT_CPU, "RLIMIT_FSIZE": unix.RLIMIT_FSIZE, "RLIMIT_DATA": unix.RLIMIT_DATA,
	"RLIMIT_STACK": unix.RLIMIT_STACK, "RLIMIT_CORE": unix.RLIMIT_CORE, "RLIMIT_RSS": unix.RLIMIT_RSS,
	"RLIMIT_NPROC": unix.RLIMIT_NPROC, "RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK,
	"RLIMIT_AS": unix.RLIMIT_AS, "RLIMIT_LOCKS": unix.RLIMIT_LOCKS, "RLIMIT_SIGPENDING": unix.RLIMIT_SIGPENDING,
	"RLIMIT_MSGQUEUE": unix.RLIMIT_MSGQUEUE, "RLIMIT_NICE": unix.RLIMIT_NICE, "RLIMIT_RTPRIO": unix.RLIMIT_RTPRIO,
	"RLIMIT_RTTIME": unix.RLIMIT_RTTIME,
}

// filterFlags of seccomp(2), by their name in the spec.
var filterFlags = map[specs.LinuxSeccompFlag]uint64{
	specs.LinuxSeccompFlagLog:       unix.SECCOMP_FILTER_FLAG_LOG,
	specs.LinuxSeccompFlagSpecAllow: unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW,
	"SECCOMP_FILTER_FLAG_TSYNC":     0, // the child has one thread
}

// A filter is a seccomp profile as the kernel takes it; without a program there is none.
type filter struct {
	program []byte
	flags   uint64
}

func compileFilter(profile *specs.LinuxSeccomp) (f filter, err error) {
	if profile == nil {
		return f, nil
	}
	for _, name := range profile.Flags {
		v, ok := filterFlags[name]
		if !ok {
			return f, fmt.Errorf("seccomp: flag %s is not supported", name)
		}
		f.flags |= v
	}
	prog, err := seccompbpf.Compile(profile)
	if err != nil {
		return f, err
	}
	n := len(prog) * int(unsafe.Sizeof(prog[0]))
	f.program = unsafe.Slice((*byte)(unsafe.Pointer(&prog[0])), n)
	return f, nil
}
