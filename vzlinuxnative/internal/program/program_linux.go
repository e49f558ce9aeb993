// Package program finds the program that a container is to run and tells, from
// its first bytes, what it is. The files belong to the container and are not
// trusted; nothing is executed.
package program

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/inroot"
)

// headSize is how much the kernel looks at (BINPRM_BUF_SIZE).
const headSize = 256

// Kind is what a program is.
type Kind string

// The kinds.
const (
	Native  Kind = "native"  // an ELF of this machine
	Compat  Kind = "compat"  // a 32-bit ELF that this machine may run
	Foreign Kind = "foreign" // an ELF of another machine
	Script  Kind = "script"  // starts with #!; never returned by Find
	Unknown Kind = "unknown"
)

// A Query says what to look for, and where.
type Query struct {
	Root string // directory that is the container's /
	Name string // argv[0]
	Env  []string
	Cwd  string
}

// Find returns the kind of the program that the query names, of its
// interpreter in the case of a script. Errors have Docker's words, such as
// `exec "foo": executable file not found in $PATH`, and match
// vzcontract.ErrNoSuchProgram or ErrCannotExec.
func Find(q Query) (Kind, error) {
	root, err := os.OpenFile(q.Root, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return "", err
	}
	defer root.Close()
	head, err := lookPath(int(root.Fd()), q)
	if err != nil {
		return "", err
	}
	for range 5 { // the kernel's own bound of interpreters
		interpreter, script := shebang(head)
		if !script {
			return kindOf(head), nil
		}
		if interpreter == "" {
			return Unknown, nil
		}
		if head, err = readHead(int(root.Fd()), interpreter); err != nil {
			return "", vzcontract.Errorf(vzcontract.ErrNoSuchProgram, "exec %q: interpreter %s: %w", q.Name, interpreter, reason(err))
		}
	}
	return "", vzcontract.Errorf(vzcontract.ErrCannotExec, "exec %q: %w", q.Name, unix.ELOOP)
}

// lookPath returns the first bytes of the program.
func lookPath(root int, q Query) ([]byte, error) {
	if strings.Contains(q.Name, "/") {
		name := q.Name
		if !path.IsAbs(name) {
			name = path.Join("/", q.Cwd, name)
		}
		head, err := readHead(root, name)
		if err != nil {
			return nil, classify(q.Name, err)
		}
		return head, nil
	}
	var denied error
	for _, dir := range searchPath(q.Env) {
		head, err := readHead(root, path.Join("/", q.Cwd, dir, q.Name))
		if path.IsAbs(dir) {
			head, err = readHead(root, path.Join(dir, q.Name))
		}
		if err == nil {
			return head, nil
		}
		if errors.Is(err, fs.ErrPermission) {
			denied = err
		}
	}
	if denied != nil {
		return nil, classify(q.Name, denied)
	}
	return nil, vzcontract.Errorf(vzcontract.ErrNoSuchProgram, "exec %q: executable file not found in $PATH", q.Name)
}

func searchPath(env []string) []string {
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			return strings.Split(v, ":")
		}
	}
	return nil
}

// readHead returns the first bytes of an executable regular file.
func readHead(root int, name string) ([]byte, error) {
	f, err := inroot.OpenAt(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.Mode()&0o111 == 0 {
		return nil, fs.ErrPermission
	}
	b, err := io.ReadAll(io.LimitReader(f, headSize))
	return b, err
}

func classify(name string, err error) error {
	class := vzcontract.ErrCannotExec
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		class = vzcontract.ErrNoSuchProgram
	}
	return vzcontract.Errorf(class, "exec %q: %w", name, reason(err))
}

// reason strips paths: the message names the program already.
func reason(err error) error {
	var p *fs.PathError
	switch {
	case errors.As(err, &p) && !errors.Is(p.Err, fs.ErrInvalid):
		return p.Err
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrInvalid):
		return unix.EACCES
	}
	return err
}

// shebang returns the interpreter of a script.
func shebang(head []byte) (interpreter string, script bool) {
	rest, script := bytes.CutPrefix(head, []byte("#!"))
	if !script {
		return "", false
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) == 0 {
		return "", true
	}
	return string(fields[0]), true
}

func kindOf(head []byte) Kind {
	if len(head) < 20 || !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return Unknown
	}
	machine := elf.Machine(uint16(head[18]) | uint16(head[19])<<8)
	if elf.Data(head[elf.EI_DATA]) == elf.ELFDATA2MSB {
		machine = elf.Machine(uint16(head[19]) | uint16(head[18])<<8)
	}
	switch {
	case machine == nativeMachine && elf.Class(head[elf.EI_CLASS]) == elf.ELFCLASS64:
		return Native
	case machine == nativeMachine, machine == compatMachine:
		return Compat
	}
	return Foreign
}
