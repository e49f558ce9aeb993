package sim

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"

	"vz.internal/vzcontract/fake/internal/tree"
)

// mayWrite applies the permission bits to a change of name in dir.
func (p *Process) mayWrite(dir, name string) error {
	if p.UID == 0 {
		return nil
	}
	n, err := p.k.FS.Stat(name)
	if err != nil {
		if n, err = p.k.FS.Stat(dir); err != nil {
			return err
		}
	}
	perm := n.Mode.Perm()
	switch {
	case n.UID == p.UID:
		perm >>= 6
	case n.GID == p.GID:
		perm >>= 3
	}
	if perm&2 == 0 {
		return &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES}
	}
	return nil
}

// flags splits leading options (each a run of letters) from operands.
func (p *Process) flags() (set string, operands []string) {
	operands = p.Args[1:]
	for len(operands) > 0 && len(operands[0]) > 1 && operands[0][0] == '-' {
		set, operands = set+operands[0][1:], operands[1:]
	}
	return set, operands
}

// each applies do to each operand and reports failures as the tool would.
func (p *Process) each(operands []string, do func(name string) error) int {
	status := 0
	for _, name := range operands {
		if err := do(name); err != nil {
			p.errorf("%s: %s: %s", p.Args[0], name, tree.Errno(err))
			status = 1
		}
	}
	return status
}

func (p *Process) own(n tree.Node) tree.Node {
	n.UID, n.GID, n.ModTime = p.UID, p.GID, time.Now()
	return n
}

func runMkdir(p *Process) int {
	set, operands := p.flags()
	return p.each(operands, func(name string) error {
		file := p.abs(name)
		if strings.Contains(set, "p") {
			return p.k.FS.MkdirAll(file, 0o755)
		}
		if _, err := p.k.FS.Lstat(file); err == nil {
			return syscall.EEXIST
		}
		if err := p.mayWrite(path.Dir(file), file); err != nil {
			return err
		}
		return p.k.FS.Put(file, p.own(tree.Node{Mode: fs.ModeDir | 0o755}))
	})
}

func runTouch(p *Process) int {
	_, operands := p.flags()
	return p.each(operands, func(name string) error {
		file := p.abs(name)
		if err := p.mayWrite(path.Dir(file), file); err != nil {
			return err
		}
		n, err := p.k.FS.Stat(file)
		if err != nil {
			return p.k.FS.Put(file, p.own(tree.Node{Mode: 0o644}))
		}
		n.ModTime = time.Now()
		return p.k.FS.Put(file, n)
	})
}

func runRm(p *Process) int {
	set, operands := p.flags()
	return p.each(operands, func(name string) error {
		file := p.abs(name)
		n, err := p.k.FS.Lstat(file)
		switch {
		case err != nil && strings.Contains(set, "f"):
			return nil
		case err != nil:
			return err
		case n.Mode.IsDir() && !strings.ContainsAny(set, "rR"):
			return syscall.EISDIR
		}
		if err := p.mayWrite(path.Dir(file), path.Dir(file)); err != nil {
			return err
		}
		return p.k.FS.RemoveAll(file)
	})
}

func runLn(p *Process) int {
	set, operands := p.flags()
	if len(operands) != 2 {
		p.errorf("ln: usage: ln [-s] TARGET NAME")
		return 1
	}
	file := p.abs(operands[1])
	return p.each(operands[1:], func(string) error {
		if _, err := p.k.FS.Lstat(file); err == nil && !strings.Contains(set, "f") {
			return syscall.EEXIST
		}
		if strings.Contains(set, "s") {
			return p.k.FS.Put(file, p.own(tree.Node{Mode: fs.ModeSymlink | 0o777, Link: operands[0]}))
		}
		n, err := p.k.FS.Stat(p.abs(operands[0]))
		if err != nil {
			return err
		}
		return p.k.FS.Put(file, n)
	})
}

func runCp(p *Process) int { return p.transfer(false) }

func runMv(p *Process) int { return p.transfer(true) }

func (p *Process) transfer(remove bool) int {
	_, operands := p.flags()
	if len(operands) != 2 {
		p.errorf("%s: usage: %s FROM TO", p.Args[0], p.Args[0])
		return 1
	}
	from, to := p.abs(operands[0]), p.abs(operands[1])
	if n, err := p.k.FS.Stat(to); err == nil && n.Mode.IsDir() {
		to = path.Join(to, path.Base(from))
	}
	return p.each(operands[:1], func(string) error {
		n, err := p.k.FS.Stat(from)
		if err != nil {
			return err
		}
		if n.Mode.IsDir() {
			return syscall.EISDIR
		}
		if err := p.k.FS.Put(to, n); err != nil || !remove {
			return err
		}
		return p.k.FS.Remove(from)
	})
}

func runLs(p *Process) int {
	set, operands := p.flags()
	if len(operands) == 0 {
		operands = []string{"."}
	}
	return p.each(operands, func(name string) error {
		n, err := p.k.FS.Stat(p.abs(name))
		if err != nil {
			return err
		}
		names := []string{name}
		dir := p.Dir
		if n.Mode.IsDir() && !strings.Contains(set, "d") {
			if names, err = p.k.FS.Names(p.abs(name)); err != nil {
				return err
			}
			dir = p.abs(name)
		}
		for _, base := range names {
			if strings.HasPrefix(base, ".") && base != "." && !strings.ContainsAny(set, "aA") {
				continue
			}
			if !strings.Contains(set, "l") && !strings.Contains(set, "n") {
				p.print("%s\n", base)
				continue
			}
			file := base
			if !path.IsAbs(base) {
				file = dir + "/" + base
			}
			n, err := p.k.FS.Lstat(file)
			if err != nil {
				return err
			}
			mode := n.Mode.String()
			if n.Mode&fs.ModeSymlink != 0 {
				mode, base = "l"+mode[1:], base+" -> "+n.Link
			}
			p.print("%s 1 %d %d %d %s %s\n", mode, n.UID, n.GID, len(n.Data), n.ModTime.Format("Jan _2 15:04"), base)
		}
		return nil
	})
}

func runReadlink(p *Process) int {
	set, operands := p.flags()
	return p.each(operands, func(name string) error {
		if strings.Contains(set, "f") {
			resolved, err := p.k.FS.Resolve(p.abs(name), tree.FollowLast)
			p.print("%s\n", resolved)
			return err
		}
		n, err := p.k.FS.Lstat(p.abs(name))
		if err == nil && n.Mode&fs.ModeSymlink == 0 {
			err = syscall.EINVAL
		}
		if err != nil {
			return err
		}
		p.print("%s\n", n.Link)
		return nil
	})
}

func runChmod(p *Process) int {
	if len(p.Args) < 3 {
		p.errorf("chmod: usage: chmod MODE FILE...")
		return 1
	}
	mode, err := strconv.ParseUint(p.Args[1], 8, 12)
	if p.Args[1] == "+x" {
		mode, err = 0o755, nil
	}
	if err != nil {
		p.errorf("chmod: invalid mode '%s'", p.Args[1])
		return 1
	}
	return p.each(p.Args[2:], func(name string) error {
		n, err := p.k.FS.Stat(p.abs(name))
		if err != nil {
			return err
		}
		n.Mode = n.Mode.Type() | fs.FileMode(mode)
		return p.k.FS.Put(p.abs(name), n)
	})
}

func runChown(p *Process) int {
	if len(p.Args) < 3 {
		p.errorf("chown: usage: chown UID[:GID] FILE...")
		return 1
	}
	id, err := LookupUser(p.k.FS, p.Args[1], nil)
	if err != nil {
		p.errorf("chown: %v", err)
		return 1
	}
	return p.each(p.Args[2:], func(name string) error {
		n, err := p.k.FS.Stat(p.abs(name))
		if err != nil {
			return err
		}
		n.UID, n.GID = id.UID, id.GID
		return p.k.FS.Put(p.abs(name), n)
	})
}
