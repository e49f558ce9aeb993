package sim

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

func runEnv(p *Process) int {
	env, args := p.Env, p.Args[1:]
	if p.Args[0] == "printenv" || path.Base(p.Args[0]) == "printenv" {
		found := 0
		for _, entry := range env {
			name, value, _ := strings.Cut(entry, "=")
			if slices.Contains(args, name) {
				p.print("%s\n", value)
				found++
			}
		}
		if len(args) > 0 {
			return boolStatus(found == len(args))
		}
	}
	for len(args) > 0 && strings.Contains(args[0], "=") {
		env, args = append(env, args[0]), args[1:]
	}
	if len(args) > 0 {
		spec := p.Spec
		spec.Env, spec.Args = env, args
		prog, err := p.k.lookup(spec)
		if err != nil {
			p.errorf("env: can't execute '%s': %v", args[0], err)
			return 127
		}
		p.Spec = spec
		return prog(p)
	}
	for _, entry := range env {
		p.print("%s\n", entry)
	}
	return 0
}

func runPwd(p *Process) int {
	return boolStatus(p.print("%s\n", path.Clean(p.abs("."))))
}

func runHostname(p *Process) int { return boolStatus(p.print("%s\n", p.k.Hostname)) }

func runID(p *Process) int {
	users := Users(p.k.FS)
	groups := Groups(p.k.FS)
	flag := ""
	if len(p.Args) > 1 {
		flag = p.Args[1]
	}
	if path.Base(p.Args[0]) == "whoami" {
		flag = "-un"
	}
	label := func(names map[uint32]string, id uint32) string {
		if name, ok := names[id]; ok {
			return strconv.Itoa(int(id)) + "(" + name + ")"
		}
		return strconv.Itoa(int(id))
	}
	all := []uint32{p.GID}
	for _, g := range p.Groups {
		if g != p.GID {
			all = append(all, g)
		}
	}
	switch flag {
	case "-u":
		p.print("%d\n", p.UID)
	case "-g":
		p.print("%d\n", p.GID)
	case "-un":
		if users[p.UID] == "" {
			p.errorf("%s: unknown ID %d", p.Args[0], p.UID)
			return 1
		}
		p.print("%s\n", users[p.UID])
	case "-G":
		ids := make([]string, len(all))
		for i, g := range all {
			ids[i] = strconv.Itoa(int(g))
		}
		p.print("%s\n", strings.Join(ids, " "))
	default:
		labels := make([]string, len(all))
		for i, g := range all {
			labels[i] = label(groups, g)
		}
		p.print("uid=%s gid=%s groups=%s\n", label(users, p.UID), label(groups, p.GID), strings.Join(labels, ","))
	}
	return 0
}

func runKill(p *Process) int {
	sig, args := int(syscall.SIGTERM), p.Args[1:]
	if len(args) > 1 && args[0] == "-s" {
		args = append([]string{"-" + args[1]}, args[2:]...)
	}
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		var ok bool
		if sig, ok = SignalNumber(args[0][1:]); !ok {
			p.errorf("kill: bad signal name '%s'", args[0][1:])
			return 1
		}
		args = args[1:]
	}
	status := 0
	for _, arg := range args {
		pid, err := strconv.Atoi(arg)
		target := p.k.find(pid)
		if err != nil || target == nil {
			p.errorf("kill: can't kill pid %s: No such process", arg)
			status = 1
			continue
		}
		if target.PID == 1 && sig == int(syscall.SIGKILL) {
			continue // the kernel spares process 1 from its own namespace
		}
		target.Signal(sig)
	}
	return status
}

func runPs(p *Process) int {
	users := Users(p.k.FS)
	p.print("PID   USER     TIME  COMMAND\n")
	for _, other := range p.k.Processes() {
		user := users[other.UID]
		if user == "" {
			user = strconv.Itoa(int(other.UID))
		}
		p.print("%5d %-8s  0:00 %s\n", other.PID, user, strings.Join(other.Args, " "))
	}
	return 0
}

func runUname(p *Process) int {
	out := "Linux"
	if len(p.Args) > 1 {
		switch p.Args[1] {
		case "-a":
			out = "Linux " + p.k.Hostname + " 6.0.0-fake"
		case "-n":
			out = p.k.Hostname
		case "-r":
			out = "6.0.0-fake"
		}
	}
	return boolStatus(p.print("%s\n", out))
}

func runTTY(p *Process) int {
	if p.TTY == nil {
		p.print("not a tty\n")
		return 1
	}
	return boolStatus(p.print("/dev/pts/0\n"))
}

func runStty(p *Process) int {
	if p.TTY == nil {
		p.errorf("stty: standard input: Not a tty")
		return 1
	}
	if len(p.Args) > 1 && p.Args[1] == "size" {
		rows, cols := p.TTY.Size()
		p.print("%d %d\n", rows, cols)
	}
	return 0
}

// runTest is test and [ with the operators that scripts use most.
func runTest(p *Process) int {
	args := p.Args[1:]
	if p.Args[0] == "[" {
		if len(args) == 0 || args[len(args)-1] != "]" {
			p.errorf("[: missing ]")
			return 2
		}
		args = args[:len(args)-1]
	}
	negate := false
	for len(args) > 0 && args[0] == "!" {
		negate, args = !negate, args[1:]
	}
	ok, known := p.test(args)
	if !known {
		p.errorf("%s: unknown operand", p.Args[0])
		return 2
	}
	return boolStatus(ok != negate)
}

func (p *Process) test(args []string) (ok, known bool) {
	switch len(args) {
	case 0:
		return false, true
	case 1:
		return args[0] != "", true
	case 2:
		return p.testOne(args[0], args[1])
	case 3:
		return testTwo(args[0], args[1], args[2])
	}
	return false, false
}

func (p *Process) testOne(op, arg string) (ok, known bool) {
	switch op {
	case "-z":
		return arg == "", true
	case "-n":
		return arg != "", true
	case "-t":
		return p.TTY != nil, true
	case "-L", "-h":
		n, err := p.k.FS.Lstat(p.abs(arg))
		return err == nil && n.Mode&fs.ModeSymlink != 0, true
	}
	n, err := p.k.FS.Stat(p.abs(arg))
	switch op {
	case "-e":
		return err == nil, true
	case "-f":
		return err == nil && n.Mode.IsRegular(), true
	case "-d":
		return err == nil && n.Mode.IsDir(), true
	case "-s":
		return err == nil && len(n.Data) > 0, true
	case "-x":
		return err == nil && n.Mode.Perm()&0o111 != 0, true
	case "-r":
		return err == nil, true
	case "-w":
		return err == nil && p.mayWrite(path.Dir(p.abs(arg)), p.abs(arg)) == nil, true
	}
	return false, false
}

func testTwo(a, op, b string) (ok, known bool) {
	switch op {
	case "=", "==":
		return a == b, true
	case "!=":
		return a != b, true
	}
	x, err1 := strconv.Atoi(a)
	y, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil {
		return false, false
	}
	switch op {
	case "-eq":
		return x == y, true
	case "-ne":
		return x != y, true
	case "-lt":
		return x < y, true
	case "-le":
		return x <= y, true
	case "-gt":
		return x > y, true
	case "-ge":
		return x >= y, true
	}
	return false, false
}
